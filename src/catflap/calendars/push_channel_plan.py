"""Decide which push channels of an account to open, stop and forget; reads and writes nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catflap.store.row_mapping import Columns

# The scope of each request, as for reading.
_LIST = "calendar.calendarlist.readonly"
_EVENTS = "calendar.events.readonly"
LONGEST_REFUSAL = timedelta(days=1)
# A request to Google has ended long before.
_REPLY_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Resource:
    """What a channel watches: a calendar, or with None the calendar list."""

    calendar_id: int | None
    google_id: str | None

    @property
    def scope(self) -> str:
        """The scope that is needed to watch it."""
        return _LIST if self.calendar_id is None else _EVENTS


@dataclass(frozen=True)
class Channel:
    """A channel that Google has opened."""

    id: str
    resource_id: str
    is_list: bool

    @property
    def scope(self) -> str:
        """The scope with which it is stopped."""
        return _LIST if self.is_list else _EVENTS


@dataclass
class Work:
    """What has to be done about the channels of an account; `forgotten` are ids of channels."""

    missing: list[Resource] = field(default_factory=list)
    unwanted: list[Channel] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)


def work_of(rows: Iterable[Columns], address: str, now: datetime) -> Work:
    """Return what to do.

    Args:
        rows: The selected calendars of an account (`wanted_id`, `google_id`, `push_refused_until`), each with
            its channels; and the channels without a selected calendar.
        address: Where notifications are to be sent.
        now: The current time.
    """
    work = Work()
    channels: dict[Resource, list[Columns]] = defaultdict(list, {Resource(None, None): []})
    refused: set[Resource] = set()
    for row in rows:
        resource = Resource(row["wanted_id"], row["google_id"])
        is_wanted = row["wanted_id"] is not None or row["is_list"]
        until = row["push_refused_until"]
        # One that is later is from a clock that was ahead.
        if until is not None and now < until <= now + LONGEST_REFUSAL:
            refused.add(resource)
        is_over = row["id"] is not None and (row["expires_at"] <= now or _is_lost(row, now))
        if is_over:
            work.forgotten.append(row["id"])
        if is_wanted:
            channels[resource] += [] if is_over or row["id"] is None else [row]
        elif not is_over:
            work.unwanted += stoppable([row])
    for resource, found in channels.items():
        lasting = [row for row in found if _lasts(row, address, now)]
        if not lasting and resource not in refused:
            work.missing.append(resource)
        # Only those from which a notification has arrived replace others.
        working = [row for row in lasting if row["resource_id"] and row["notified_at"]]
        if working:
            kept = max(working, key=lambda row: row["expires_at"])
            work.unwanted += stoppable(row for row in found if row is not kept)
    return work


def stoppable(rows: Iterable[Columns]) -> list[Channel]:
    """Return the channels that can be stopped: not those whose resource id Google hasn't told us."""
    known = (row for row in rows if row["resource_id"] is not None)
    return [Channel(row["id"], row["resource_id"], row["is_list"]) for row in known]


def _is_lost(row: Columns, now: datetime) -> bool:
    """Return whether the response with the resource id can't come any more."""
    return row["resource_id"] is None and row["created_at"] <= now - _REPLY_WITHIN


def _lasts(row: Columns, address: str, now: datetime) -> bool:
    """Return whether more than a quarter of a channel's life is left; also while it is being opened."""
    expires_at: datetime = row["expires_at"]
    life = expires_at - row["created_at"]
    return bool(row["address"] == address) and expires_at - now > life / 4
