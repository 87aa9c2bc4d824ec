"""Send one request to the Calendar API; every answer that is no success is an error of Catflap's.

Shared by the clients of reading, writing and push channels, which have rules of their own for errors.
"""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from catflap.errors import CatflapError
from catflap.google.calendar_errors import unavailable
from catflap.google.fetch import FetchedResponse, FetchError, Limit, fetch

Refusal = Callable[[FetchedResponse, Mapping[str, Any] | None], CatflapError]


async def send(
    http: httpx2.AsyncClient,
    method: str,
    url: str | httpx2.URL,
    token: str,
    *,
    limit: Limit,
    refusal: Refusal,
    headers: Mapping[str, str] | None = None,
    **request: Any,
) -> FetchedResponse:
    """Send a request with an access token and return the successful response.

    Args:
        refusal: Returns the error for a response and its JSON object, if it has one.
        request: As for `AsyncClient.build_request`.

    Raises:
        TryAgain: `google_unavailable`: no whole response.
        CatflapError: as `refusal` says.
    """
    sent = {"Authorization": f"Bearer {token}", **(headers or {})}
    try:
        answer = await fetch(http, method, url, limit=limit, headers=sent, **request)
    except FetchError as error:
        raise unavailable(error.reason) from None
    if not 200 <= answer.status < 300:
        raise refusal(answer, answer.json_object())
    return answer


def json_object(answer: FetchedResponse) -> Mapping[str, Any]:
    """Return the JSON object of a response.

    Raises:
        TryAgain: `google_unavailable`: it has none.
    """
    body = answer.json_object()
    if body is None:
        raise unavailable("no JSON object")
    return body
