"""Announce a text at once: for the signed-in user, and for other back ends by API key."""

from fastapi import Depends

from catflap.announcements.saying import say_to_user
from catflap.errors import CatflapError
from catflap.store.tables import announcements
from catflap.web.announcement_resources import read_announcements
from catflap.web.api_key_auth import AnnounceKey
from catflap.web.authentication import CurrentSession, ServicesDep, single_parameters
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.calendars import AnnouncementList
from catflap.web.schemas.problems import API_KEY, SESSION, problems
from catflap.web.schemas.saying import SayBody
from catflap.web.services import Services

router = new_router("/v1", tag="announcements")
key_router = new_router("/v1", tag="announcements", dependencies=[Depends(single_parameters)])
_REFUSED = ("invalid_request", "not_found", "nothing_to_say", "rate_limited", "unknown_dialect")
_MADE = "What is announced, one for each device."


@router.post(
    "/say",
    status_code=201,
    operation_id="say",
    summary="Say a text now",
    response_description=_MADE,
    responses=problems(*SESSION, *_REFUSED),
)
async def say(body: SayBody, session: CurrentSession, services: ServicesDep) -> AnnouncementList:
    """Announce a text at once on the user's devices, or on one; it expires after five minutes.

    A muted device shows it. No plan and no quiet hours hold it.
    """
    return await _say(services, session.user_id, body)


@key_router.post(
    "/users/{user_id}/announcements",
    status_code=201,
    operation_id="announceToUser",
    summary="Say a text to a user now",
    response_description=_MADE,
    responses=problems(*API_KEY, *_REFUSED),
)
async def announce(
    user_id: PathId, body: SayBody, key: AnnounceKey, services: ServicesDep
) -> AnnouncementList:
    """Announce a text at once on a user's devices, or on one, as `say` does."""
    try:
        made = await _say(services, user_id, body)
    except CatflapError as error:
        services.audit.note("announce", error.code, key_id=key.id, user_id=user_id)
        raise
    services.audit.note("announce", key_id=key.id, user_id=user_id)
    return made


async def _say(services: Services, user_id: int, body: SayBody) -> AnnouncementList:
    services.say_limit.check(str(user_id))
    async with services.engine.begin() as connection:
        now, voices = services.clock.now(), services.voices
        made = await say_to_user(
            connection, user_id, body.text, voices, now, dialect=body.dialect, device_id=body.device
        )
        return await read_announcements(connection, announcements.c.id.in_(made))
