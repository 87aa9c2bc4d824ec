"""The API of recent plays: whether what was to be said was heard, on each device."""

from typing import Annotated

from fastapi import Query

from catflap.devices.plays import recent_plays
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.plays import RecentPlays
from catflap.web.schemas.problems import SESSION, problems

router = new_router("/v1", tag="devices")


@router.get(
    "/plays",
    operation_id="listPlays",
    summary="What became of recent announcements on each device",
    response_description="By device, oldest first.",
    responses=problems(*SESSION, "invalid_request"),
)
async def plays(
    session: CurrentSession,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100, description="How many of each device at most.")] = 24,
) -> RecentPlays:
    """Return what was played, failed, missed or held, without texts; on a shared device the user's own only.

    Announcements are kept for 48 hours. One that a device has not told of until it expired counts as missed.
    """
    found = await recent_plays(services.engine, session.user_id, services.clock.now(), limit)
    return RecentPlays.of(found)
