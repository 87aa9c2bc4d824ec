"""Routes of the fake API for the calendars, and for what a day would sound like."""

from datetime import datetime, time, timedelta

from fastapi import FastAPI

from catflap.announcements.planning import plan
from catflap.announcements.preferences import Preferences
from catflap.announcements.preview import Preview
from catflap.announcements.sample_day import sample_day
from catflap.web.schemas.calendars import CalendarBody, CalendarList, CalendarResource
from catflap.web.schemas.preferences import PreferencesBody
from catflap.web.schemas.preview import DayPreviewBody, PreviewResource
from tests.support.fake_state import FakeApi

_CALENDAR = {
    "account": "1",
    "time_zone": None,
    "primary": False,
    "access_role": "owner",
    "foreground_color": None,
    "selected": True,
    "selected_at_google": True,
    "selected_by_user": None,
    "reminder_minutes": None,
    "says_titles": True,
    "ignores_quiet": False,
    "events": 3,
    "synced_at": "2026-11-24T11:00:00Z",
    "state": "current",
    "problem": None,
}
_ACCOUNT = {
    "account": "1",
    "email": "alice@example.com",
    "listed_at": "2026-11-24T11:00:00Z",
    "problem": None,
}


def calendar(id: int, summary: str, color: str, **more: object) -> dict[str, object]:
    """Return a calendar as the API answers it."""
    made = CalendarResource.model_validate(
        {**_CALENDAR, "id": id, "summary": summary, "background_color": color, **more}
    )
    return made.model_dump(mode="json")


def add_when(app: FastAPI, catflap: FakeApi) -> None:
    """Add the routes of the screen "When" that the other screens have not."""

    @app.get("/v1/calendars")
    async def calendars() -> CalendarList:
        return CalendarList.model_validate(
            {"calendars": catflap.own_calendars, "accounts": [_ACCOUNT], "removed": []}
        )

    @app.patch("/v1/calendars/{id}")
    async def change_calendar(id: int, body: CalendarBody) -> CalendarResource:
        (found,) = (one for one in catflap.own_calendars if one["id"] == id)
        found |= {key: list(one) if isinstance(one, tuple) else one for key, one in body.choices().items()}
        if body.selected is not None:
            found["selected"] = body.selected
        await catflap.noticed()
        return CalendarResource.model_validate(found)

    @app.post("/v1/announcements/preview")
    async def preview(body: DayPreviewBody) -> PreviewResource:
        """Plan the made-up day with the planner's own function."""
        stored = PreferencesBody.model_validate(catflap.preferences).applied_to(Preferences())
        chosen = body.applied_to(stored)
        if body.follows_zone:
            chosen = PreferencesBody.model_validate(
                {**catflap.preferences, "zone": catflap.google_zone or "UTC"}
            ).applied_to(Preferences(zone_source="google"))
        day = body.date(catflap.now().astimezone(chosen.time_zone).date())
        ids = [one["id"] for one in catflap.own_calendars if one["selected"]]
        found = sample_day(day, body.sample or "en", chosen, ids)
        begin = datetime.combine(day, time(), chosen.time_zone)
        said = plan(
            [one for one in found if one.calendar_id not in body.without],
            chosen,
            begin,
            timedelta(days=1),
        )
        meetings = [(one.starts_at, one.ends_at) for one in found if one.is_meeting]
        catflap.previewed.append(body.model_dump(mode="json", exclude_unset=True))
        await catflap.noticed()
        answer = PreviewResource.of(Preview(0, True, meetings, said), day, chosen)
        if body.follows_zone:
            source = "google" if catflap.google_zone else "default"
            return answer.model_copy(update={"zone_source": source})
        return answer
