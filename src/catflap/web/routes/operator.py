"""The numbers of this installation, for its operator."""

from typing import Annotated

from fastapi import Query

from catflap.web.authentication import OperatorSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.operator import OperatorNumbersResource
from catflap.web.schemas.problems import SESSION, problems
from catflap.work.numbers import MOST_HOURS

router = new_router("/v1", tag="operator")


@router.get(
    "/operator/numbers",
    operation_id="getOperatorNumbers",
    summary="Read how this Catflap is",
    response_description="The numbers, at most some seconds old.",
    responses=problems(*SESSION, "operators_only", "invalid_request"),
)
async def numbers(
    session: OperatorSession,
    services: ServicesDep,
    hours: Annotated[int, Query(ge=1, le=MOST_HOURS, description="How far back counts go.")] = 24,
) -> OperatorNumbersResource:
    """Return the state of grants, calendars, jobs, API keys and webhooks, and what was counted.

    Nothing in it is about a person. Only for the browser session of an account in `CATFLAP_OPERATORS`.
    """
    now = await services.numbers.now()
    return OperatorNumbersResource.of(now, hours, await services.numbers.over(hours))
