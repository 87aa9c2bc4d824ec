"""Whether this process lives, and whether requests should be sent to it."""

from fastapi.responses import Response

from catflap.store.unavailable import RETRY_AFTER
from catflap.web.authentication import ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.problems import problem
from catflap.web.schemas.base import json_response
from catflap.web.schemas.health import Health, Ready
from catflap.web.schemas.problems import NotReady, problems

router = new_router(tag="health")


@router.get(
    "/healthz",
    operation_id="getHealth",
    summary="Whether the process lives",
    response_description="The event loop of the process answers. The database is not asked.",
    response_model=Health,
    responses=problems(),
)
async def healthz() -> Response:
    """Return 200 as long as the process answers at all; one that does not should be started anew."""
    return json_response(Health(status="ok"))


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether the process wants requests",
    response_model=Ready,
    response_description="The database answers and is migrated, and the keyset has every key in use.",
    responses=problems("draining", "database_not_migrated", "keyset_lacks_key"),
)
async def readyz(services: ServicesDep) -> Response:
    """Return 200, or within a few seconds 503 with all `reasons`; `code` and `detail` are the first's.

    A process that was told to end (SIGTERM) says `draining` before it stops to accept connections.
    """
    if reasons := await services.readiness.reasons():
        all_of_them = [NotReady(code=one.code, detail=one.message) for one in reasons]
        first, after = all_of_them[0], int(RETRY_AFTER.total_seconds())
        return problem(503, first.code, first.detail, retry_after=after, reasons=all_of_them)
    return json_response(Ready(status="ready"))
