"""Events as responses show them: in the zone asked for, with guests cut and cancelled ones bare.

Source: calendar.v3 discovery document. For cancelled events only what Google guarantees is shown, so that
no client learns to lean on more.
"""

from __future__ import annotations

from datetime import tzinfo

from catflap.sandbox.calendar.diary import Diary, Resource
from catflap.sandbox.calendar.moments import parse_instant


def shown(event: Resource, where: tzinfo, most_guests: int | None = None) -> Resource:
    """Return an event with its times written in a zone."""
    event = {**event}
    for name in ("start", "end", "originalStartTime"):
        when = event.get(name)
        if when and "dateTime" in when:
            text = parse_instant(when["dateTime"]).astimezone(where).isoformat(timespec="seconds")
            event[name] = {**when, "dateTime": text.replace("+00:00", "Z")}
    guests = event.get("attendees")
    if guests and most_guests is not None and len(guests) > most_guests:
        event["attendees"] = [guest for guest in guests if guest.get("self")][:most_guests]
        event["attendeesOmitted"] = True
    return event


def cancelled(diary: Diary, event: Resource, where: tzinfo) -> Resource:
    """Return what is guaranteed of a cancelled event."""
    bare = {name: event[name] for name in ("kind", "etag", "id") if name in event} | {"status": "cancelled"}
    master = event.get("recurringEventId")
    if master and diary.live(master):
        when = {"originalStartTime": event["originalStartTime"]}
        bare |= {"recurringEventId": master, **shown(when, where)}
    return bare
