"""Mute all devices of the signed-in user."""

from fastapi.responses import Response

from catflap.announcements.preference_store import load_preferences
from catflap.devices.mute import find_mute, mute_all, mute_end, unmute_all
from catflap.errors import BadRequest
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.mute import MuteBody, MuteResource
from catflap.web.schemas.problems import SESSION, problems

router = new_router("/v1", tag="announcements")


@router.get(
    "/mute",
    operation_id="getMute",
    summary="Whether all devices are muted",
    response_description="Whether, and until when.",
    responses=problems(*SESSION),
)
async def read_mute(session: CurrentSession, services: ServicesDep) -> MuteResource:
    """Return the mute of all devices; `muted_until` of a device is a mute of its own."""
    async with services.engine.connect() as connection:
        return MuteResource.of(await find_mute(connection, session.user_id, services.clock.now()))


@router.put(
    "/mute",
    operation_id="muteAll",
    summary="Mute all devices",
    response_description="The mute as it is now.",
    responses=problems(*SESSION, "invalid_request"),
)
async def mute(body: MuteBody, session: CurrentSession, services: ServicesDep) -> MuteResource:
    """Mute all devices for an hour, until tomorrow, until a time, or until `unmuteAll`."""
    now = services.clock.now()
    if (body.lasts is None) == (body.until is None):
        raise BadRequest("invalid_request", "Send either for or until.")
    if body.until is not None and body.until <= now:
        raise BadRequest("invalid_request", "until: must be later than now.")
    async with services.engine.begin() as connection:
        until = body.until
        if body.lasts is not None:
            until = mute_end(body.lasts, await load_preferences(connection, session.user_id), now)
        assert until is not None
        await mute_all(connection, session.user_id, until, now)
        return MuteResource.of(await find_mute(connection, session.user_id, now))


@router.delete(
    "/mute",
    status_code=204,
    response_class=Response,
    operation_id="unmuteAll",
    summary="End the mute of all devices",
    response_description="It has ended.",
    responses=problems(*SESSION),
)
async def unmute(session: CurrentSession, services: ServicesDep) -> None:
    """End the mute of all devices, if there is one; mutes of single devices stay."""
    async with services.engine.begin() as connection:
        await unmute_all(connection, session.user_id, services.clock.now())
