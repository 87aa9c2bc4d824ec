"""Planned announcements with a given key, time and text, and plans with the same of them on each device."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.audience import devices_of_user
from catflap.announcements.planned import PlannedAnnouncement, Wording
from catflap.announcements.repository import replan
from catflap.speech import Utterance, VoiceChoice

LEAD = timedelta(minutes=10)


def say_as_given(dialect: str, text: str) -> Utterance:
    return Utterance(text, text, dialect, "en")


def planned(
    key: str, at: datetime, spoken: str = "Standup, in ten minutes.", **more: Any
) -> PlannedAnnouncement:
    values = {
        "key": key,
        "kind": "before",
        "play_at": at,
        "expires_at": at + LEAD,
        "titles": ("Standup",),
        "event_start": (at + LEAD).isoformat(),
        "language": "en",
        "voice": VoiceChoice("kitten"),
        "wording": Wording(say_as_given, ("kitten", spoken)),
    }
    return PlannedAnnouncement(**(values | more))


async def replan_everywhere(
    connection: AsyncConnection, user_id: int, now: datetime, wanted: Iterable[PlannedAnnouncement]
) -> None:
    """Plan the same on each device of a user; the connection has called `lock_plan`."""
    everywhere = await devices_of_user(connection, user_id)
    await replan(connection, user_id, now, {one.id: list(wanted) for one in everywhere})
