"""A day for the fake API: appointments, and announcements with what became of them."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.fake_state import FakeApi


def appointment(title: str, start: datetime, minutes: float, **more: Any) -> dict[str, Any]:
    """An appointment of the calendar "Calico"."""
    return {
        "title": title,
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=minutes)).isoformat(),
        "all_day": False,
        "calendar": "Calico",
        **more,
    }


def said(catflap: FakeApi, name: str, at: datetime, text: str, state: str, **more: Any) -> None:
    """Add an announcement that is over, with its outcome."""
    catflap.say(name, at, text, dialect=more.pop("dialect", "pirate"))
    catflap.outcomes[name] = {"state": state, "outcome_at": at.isoformat(), **more}


def fill_day(catflap: FakeApi, midnight: datetime) -> None:
    """A day with everything that the time line can show, seen at noon."""

    def at(hours: float) -> datetime:
        return midnight + timedelta(hours=hours)

    catflap.appointments = [
        appointment("Grandma's birthday", at(0), 24 * 60, all_day=True, color="#fa573c"),
        appointment("Night train", at(-2), 9 * 60, color="#7bd148"),
        appointment("Stand-up", at(9.5), 15, conference_link="https://meet.example.com/stand-up"),
        appointment("お昼ごはん", at(11.5), 60, color="#ffffff"),
        appointment("Design review", at(14), 60, color="#000000", calendar="Work", attendees=7),
        appointment("設計会議", at(14.5), 60, color="#5484ed", place="Room 3", organizer="Tama"),
        appointment("Film night", at(22.5), 120),
    ]
    said(catflap, "briefing", at(8), "Good morning!", "played")
    said(catflap, "muted", at(9.3), "Stand-up in 10 minutes!", "held", detail="muted")
    said(catflap, "lunch", at(11.3), "お昼やで。", "played", dialect="kansai")
    twice = {"device": 2, "device_name": "Kitchen", "detail": "offline"}
    said(catflap, "lunch there", at(11.3), "お昼やで。", "missed", dialect="kansai", **twice)
    catflap.say("review", at(13.8), "Ahoy! Design review in 10 minutes!")
    catflap.say("review now", at(14), "Design review, now!")
    catflap.say("films", at(22.3), "Film night!")
    catflap.held["films"] = "quiet"
