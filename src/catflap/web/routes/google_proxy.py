"""Proxy for calls to Google APIs as a user, for back ends that should not hold tokens.

The caller's own credentials and cookies end here, Google's cookies and redirects too. Answers stream.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx2
from fastapi import Path, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from catflap import tracing
from catflap.errors import BadRequest, CatflapError, TryAgain, UserMustAct
from catflap.google.proxy_rules import METHODS, ProxyCall, check_allowed, needed_scopes, normalise_call
from catflap.log import log
from catflap.settings import GOOGLE_API_URL
from catflap.vault import AccessToken
from catflap.vault.api_keys import ApiKey
from catflap.web.api_key_auth import ProxyKey
from catflap.web.authentication import ServicesDep
from catflap.web.consent_offer import consent_wanted
from catflap.web.input_types import AccountSub, PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import API_KEY, VAULT, problems
from catflap.web.services import Services

# The body is for Google, which limits it.
router = new_router("/v1", tag="proxy", max_body_size=None)

_READING = frozenset({"GET", "HEAD"})
_ANYTHING: dict[str, Any] = {
    "application/json": {"schema": {}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}
RETRIED_BYTES = 1024 * 1024
# From the first byte of the call to the last of the answer: enough for a large file, and no drip for ever.
_WHOLE_SECONDS = 600.0
_TO_GOOGLE = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-encoding",
        "content-range",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "range",
        "x-goog-fieldmask",
        "x-upload-content-length",
        "x-upload-content-type",
    }
)
_FROM_GOOGLE = frozenset(
    {
        "accept-ranges",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "retry-after",
        "vary",
    }
)


async def call_google(
    user_id: PathId,
    host: Annotated[str, Path(description="A host of Google's APIs.", examples=["www.googleapis.com"])],
    path: Annotated[str, Path(description="The path there.", examples=["calendar/v3/calendars/primary"])],
    request: Request,
    key: ProxyKey,
    services: ServicesDep,
    catflap_account: AccountSub = None,
) -> Response:
    """Call a Google API with the user's access token, and return Google's answer with its status.

    Host, method and path must be on the operator's list (`CATFLAP_PROXY_ALLOW`). The query is sent on except
    `catflap_account`, which chooses the user's Google account. Redirects are not followed; cookies and the
    caller's own credentials are not sent. Errors of Catflap itself are `application/problem+json`.
    """
    detail: str | None = None
    until = asyncio.get_running_loop().time() + _WHOLE_SECONDS
    try:
        call = _call(request, host)
        detail = f"{call.method} {call.host}/{'/'.join(call.segments[:2])}"
        check_allowed(call, services.proxy_rules)
        needed = await _needed_scopes(services, key, call, user_id, catflap_account)
        forwarding = _Forwarding(services, request, call, user_id, catflap_account, needed)
        answer = await forwarding.answer(until)
    except CatflapError as error:
        services.audit.note(
            "proxy", error.code, key_id=key.id, user_id=user_id, account_sub=catflap_account, detail=detail
        )
        if isinstance(error, UserMustAct):
            return await consent_wanted(services, error, key, user_id, catflap_account, frozenset())
        raise
    services.audit.note("proxy", key_id=key.id, user_id=user_id, account_sub=catflap_account, detail=detail)
    return _Streamed(answer, until)


def _declare_operations() -> None:
    """Add one route for each method, because each is an operation with an id of its own in OpenAPI."""
    for method in sorted(METHODS):
        router.add_api_route(
            "/users/{user_id}/google/{host}/{path:path}",
            call_google,
            methods=[method],
            operation_id=f"{method.lower()}FromGoogle" if method in _READING else f"{method.lower()}ToGoogle",
            summary=f"{method} to a Google API as the user",
            response_class=Response,
            responses=_responses(),
            openapi_extra={} if method in _READING else {"requestBody": {"content": _ANYTHING}},
        )


def _responses() -> dict[int | str, dict[str, Any]]:
    """Declare what Catflap answers itself, and beside it what Google may answer with the same status."""
    declared = problems(*API_KEY, *VAULT, "call_not_allowed", "redirect_refused")
    del declared["4XX"]
    for response in declared.values():
        response["content"] |= _ANYTHING
    google = {"description": "Google's answer.", "content": _ANYTHING}
    return {200: google, **declared, "default": google}


def _call(request: Request, host: str) -> ProxyCall:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    before, found, path = raw.partition(f"/google/{host}/".encode())
    if not found or b"?" in before:
        raise BadRequest("call_not_allowed", "The proxy does not allow this host.")
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "catflap_account"]
    return normalise_call(request.method, host, path, urlencode(pairs))


async def _needed_scopes(
    services: Services, key: ApiKey, call: ProxyCall, user_id: int, account: str | None
) -> frozenset[str]:
    """Return the scopes that the call needs, as far as its path tells; a limited key must have them.

    Raises:
        BadRequest: `forbidden`.
    """
    grant = await services.grants.find(user_id, account)
    if grant is None:
        return frozenset()
    needed = needed_scopes(call, grant.scopes)
    key.check_scopes(needed)
    return needed


class _Forwarding:
    """Forward one call to Google, with one retry after 401."""

    def __init__(
        self,
        services: Services,
        request: Request,
        call: ProxyCall,
        user_id: int,
        account: str | None,
        needed: frozenset[str],
    ) -> None:
        self._services = services
        self._request = request
        self._user_id = user_id
        self._account = account
        self._needed = needed
        base = f"https://{call.host}"
        if services.settings.google_api_url != GOOGLE_API_URL:
            base = services.settings.google_api_url
        self._method = call.method
        self._url = base + call.path + (f"?{call.query}" if call.query else "")

    async def answer(self, until: float) -> httpx2.Response:
        """Return Google's response, its body not yet read.

        Raises:
            BadRequest: `redirect_refused`; and as `Vault.access_token`.
            TryAgain: `google_unavailable`, also when there is none at `until`.
        """
        try:
            async with asyncio.timeout_at(until):
                return await self._answer()
        except TimeoutError:
            raise _unavailable("no answer in time") from None

    async def _answer(self) -> httpx2.Response:
        body, whole = await self._begin_body()
        token = await self._token()
        answer = await self._send(token.token, body)
        if answer.status_code == 401 and whole:
            await answer.aclose()
            token = await self._token(rejected=token.token)
            answer = await self._send(token.token, body)
        if answer.is_redirect:
            await answer.aclose()
            raise BadRequest("redirect_refused", "Google answered with a redirect, which is not followed.")
        return answer

    async def _token(self, rejected: str | None = None) -> AccessToken:
        # Whether it suffices is Google's to say.
        return await self._services.vault.access_token(
            self._user_id, self._account, prefer=self._needed, rejected=rejected
        )

    async def _begin_body(self) -> tuple[bytes | AsyncIterator[bytes], bool]:
        """Return the body and whether it can be sent again; a large one is a stream, which can't."""
        chunks = self._request.stream()
        begun = b""
        async for chunk in chunks:
            begun += chunk
            if len(begun) > RETRIED_BYTES:
                return _continued(begun, chunks), False
        return begun, True

    async def _send(self, token: str, body: bytes | AsyncIterator[bytes]) -> httpx2.Response:
        headers = {name: value for name, value in self._request.headers.items() if name in _TO_GOOGLE}
        headers.setdefault("accept-encoding", "identity")
        headers["authorization"] = f"Bearer {token}"
        http = self._services.http
        built = http.build_request(self._method, self._url, headers=headers, content=body or None)
        # The client is shared: cookies that it got for other users must not be sent.
        built.headers.pop("cookie", None)
        try:
            with tracing.call_span(built.method, built.url.host) as span:
                answer = await http.send(built, stream=True, follow_redirects=False)
                span.set_status(answer.status_code)
                return answer
        except httpx2.HTTPError as error:
            raise _unavailable(type(error).__name__) from None


def _unavailable(detail: str) -> TryAgain:
    return TryAgain("google_unavailable", "Google does not answer right now.", detail=detail)


async def _continued(begun: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for chunk in rest:
        yield chunk


class _Streamed(StreamingResponse):
    """Streaming response of Google's answer, with a deadline; the answer is closed however it ends."""

    def __init__(self, answer: httpx2.Response, until: float) -> None:
        headers = {name: value for name, value in answer.headers.items() if name.lower() in _FROM_GOOGLE}
        # A file from somebody's Drive must never run as a page of ours.
        headers |= {
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Content-Disposition": "attachment",
        }
        super().__init__(answer.aiter_raw(), answer.status_code, headers=headers)
        self._answer = answer
        self._until = until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout_at(self._until):
                await super().__call__(scope, receive, send)
        except (httpx2.HTTPError, TimeoutError) as error:
            # Too late for a status. An answer that is not ended makes the server cut the connection, so that
            # an incomplete answer is not taken for the whole.
            log.warning("proxied_answer_cut_off", error=type(error).__name__)
        finally:
            await self._answer.aclose()


_declare_operations()
