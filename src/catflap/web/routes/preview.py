"""Preview what would be said on a day with other preferences of the signed-in user."""

from catflap.announcements.preference_store import load_preferences
from catflap.announcements.preview import preview_day
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.preview import DayPreviewBody, PreviewResource
from catflap.web.schemas.problems import SESSION, problems

router = new_router("/v1", tag="announcements")
_REFUSED = (
    "invalid_request",
    "preferences_invalid",
    "rate_limited",
    "reminders_invalid",
    "unknown_dialect",
    "zone_unknown",
)


@router.post(
    "/announcements/preview",
    operation_id="previewAnnouncements",
    summary="What would be said on a day with other preferences",
    response_description="The announcements of that day, in order of time.",
    responses=problems(*SESSION, *_REFUSED),
)
async def preview(body: DayPreviewBody, session: CurrentSession, services: ServicesDep) -> PreviewResource:
    """Plan a day from the stored events with the preferences that are sent, and the stored ones for the rest.

    Nothing is stored, no sound is made, and the schedules of devices stay as they are.
    """
    services.preview_limit.check(str(session.user_id))
    async with services.engine.connect() as connection:
        before = await load_preferences(connection, session.user_id, follows_zone=body.follows_zone)
        chosen = body.applied_to(before)
        day = body.date(services.clock.now().astimezone(chosen.time_zone).date())
        found = await preview_day(
            connection, session.user_id, chosen, day, without=body.without, sample_language=body.sample
        )
    return PreviewResource.of(found, day, chosen)
