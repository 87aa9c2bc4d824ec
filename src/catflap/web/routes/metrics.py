"""The numbers of this installation for Prometheus and whatever reads its text format."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.responses import PlainTextResponse

from catflap.errors import BadRequest
from catflap.extras import load_optional
from catflap.web.authentication import CookieNames, ServicesDep, find_session, one_credential
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import API_KEY as API_KEY_ERRORS
from catflap.web.schemas.problems import problems
from catflap.web.schemas.security import API_KEY, SESSION_COOKIE

router = new_router(tag="operator")


async def metrics_reader(
    request: Request,
    services: ServicesDep,
    names: CookieNames,
    secret: Annotated[str | None, Security(API_KEY)],
    _cookie: Annotated[None, Security(SESSION_COOKIE)],
) -> None:
    """Dependency: an API key with the right `metrics`, or the session of an operator.

    Raises:
        BadRequest: `unauthenticated`, `forbidden`, `operators_only`, `ambiguous_credentials`.
        TryAgain: `rate_limited`.
    """
    if one_credential(request, names):
        session = await find_session(request, services, names)
        if session is None:
            raise BadRequest("unauthenticated", "Sign in first.")
        await services.operators.check(session)
        return
    key = await services.api_keys.find(secret) if secret else None
    if key is None:
        raise BadRequest("unauthenticated", "Send a live API key: Authorization: Bearer catflap_…")
    services.api_keys.count(key)
    key.check("metrics")


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    operation_id="getMetrics",
    summary="Read how this Catflap is, as Prometheus does",
    response_description="The numbers in Prometheus' text format, at most some seconds old.",
    responses=problems(*API_KEY_ERRORS, "ambiguous_credentials", "operators_only", "extra_missing"),
)
async def metrics(
    services: ServicesDep, _reader: Annotated[None, Depends(metrics_reader)]
) -> PlainTextResponse:
    """Return the numbers of `GET /v1/operator/numbers`; with an API key that has the right `metrics`."""
    exposition = load_optional("catflap.web.exposition")
    content, media_type = exposition.expose(await services.numbers.now())
    return PlainTextResponse(content, media_type=media_type)
