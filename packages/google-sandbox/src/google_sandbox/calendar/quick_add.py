"""`events.quickAdd`: an event from one line of English, `Tea with anna@example.com tomorrow at 4pm`.

Source: the discovery document says only "a simple text string"; Calendar's help described it as what, when,
who and where. `with` names guests by address, `at` or `in` the place, `every` the repetition. What says when
leaves the title, what says where stays in it. Choices: a day without a time is a whole day; a time without a
day is the next one; neither is today, the whole day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from google_sandbox.calendar.quick_dates import (
    DAY,
    DAYS,
    GAP,
    PARTS_OF_DAY,
    SHORT_DAY,
    Phrase,
    day_index,
    take_day,
    take_last_day,
    take_length,
    take_soon,
    take_times,
)

ADDRESS = r"[^\s,;@]+@[^\s,;@]+[^\s,;@.]"
GUESTS = rf"\bwith\s+(?P<guests>{ADDRESS}(?:(?:\s*[,;&]\s*|\s+and\s+){ADDRESS})*)"
ANY_DAY = "|".join((DAY, SHORT_DAY)).replace("?P<day>", "?:")
EVERY = (
    r"\b(?:every|each)\s+(?:(?P<interval>other|second|third|fourth|\d{1,2}(?:st|nd|rd|th)?)\s+)?"
    rf"(?:(?P<unit>weekday|weekend|day|week|month|year)s?\b"
    rf"|(?P<days>(?:{ANY_DAY})(?:(?:\s*,\s*|\s*(?:and|&)\s*)(?:{ANY_DAY}))*))"
)
ADVERB = r"\b(?P<adverb>daily|weekly|fortnightly|biweekly|monthly|yearly|annually)\b"
LIMIT = r"\bfor\s+(?P<count>\d{1,3})\s+(?P<unit>times|days|weeks|months|years)\b"
INTERVALS = {"other": 2, "second": 2, "third": 3, "fourth": 4}
FREQUENCIES = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
ADVERBS = {"daily": "day", "monthly": "month", "yearly": "year", "annually": "year"}
CODES = [day[:2].upper() for day in DAYS]
LOOSE = r"(?:\s|,|;|-|–|—|\b(?:on|at|from|to|by|in|starting|the)\b|@)*"


@dataclass(slots=True)
class Repetition:
    """How an event repeats; `days` are numbers of week days."""

    frequency: str
    interval: int
    days: list[int]
    limit: tuple[int, str] | None = None
    until: date | None = None


def quick_event(
    text: str, now: datetime, where: tzinfo, zone_name: str, minutes: int, day_first: bool
) -> dict[str, Any]:
    """Return the event a text describes, as a body for `events.insert`.

    Args:
        text: one line of English.
        now: the present time, to which days and times are relative.
        where: the calendar's time zone.
        zone_name: its IANA name.
        minutes: the length of an event whose text names none.
        day_first: whether `6/3` is the sixth of March.
    """
    phrase, now = Phrase(" ".join(text.split())), now.astimezone(where)
    event: dict[str, Any] = {}
    if guests := phrase.take(GUESTS):
        event["attendees"] = [{"email": each} for each in re.findall(ADDRESS, guests["guests"])]
    repetition = _take_repetition(phrase, now.date(), day_first)
    length, soon = take_length(phrase), take_soon(phrase, now)
    tonight = re.search(r"\b(?:tonight|(?:tomorrow|day) night)\b", phrase.text, re.IGNORECASE)
    day = take_day(phrase, now.date(), day_first)
    last = take_last_day(phrase, day, day_first) if day else None
    times = take_times(phrase) or ((PARTS_OF_DAY["night"], None) if tonight else None)
    if soon is not None:
        start: datetime | date = soon.replace(second=0, microsecond=0)
    else:
        start = _start(day, times[0] if times else None, now, repetition)
    if isinstance(start, datetime):
        end: datetime | date = start + (length or timedelta(minutes=minutes))
        if times is not None and times[1] is not None:
            end = _after(start, times[1], last)
    else:
        end = (last or start) + timedelta(days=1)
        if length is not None and length >= timedelta(days=1):
            end = start + timedelta(days=length.days)
    event |= {"start": _when(start, zone_name), "end": _when(end, zone_name)}
    if repetition is not None:
        event["recurrence"] = [_rule(repetition, start)]
    if place := _place(phrase.text):
        event["location"] = place
    event["summary"] = _title(phrase.text) or " ".join(text.split())
    return event


def _take_repetition(phrase: Phrase, today: date, day_first: bool) -> Repetition | None:
    match = phrase.take(EVERY) or phrase.take(ADVERB)
    if match is None:
        return None
    found = match.groupdict()
    if adverb := (found.get("adverb") or "").lower():
        unit = ADVERBS.get(adverb, "week")
        repetition = Repetition(FREQUENCIES[unit], 2 if adverb in ("fortnightly", "biweekly") else 1, [])
    else:
        repetition = _every(found)
    if limit := phrase.take(LIMIT):
        repetition.limit = (int(limit["count"]), limit["unit"].lower())
    if until := re.search(r"\b(?:until|till|through)\s+(?P<rest>.*)$", phrase.text, re.IGNORECASE):
        rest = Phrase(until["rest"])
        repetition.until = take_day(rest, today, day_first)
        if repetition.until is not None:
            phrase.text = phrase.text[: until.start()] + rest.text
    return repetition


def _every(found: dict[str, str | None]) -> Repetition:
    given = (found["interval"] or "1").lower()
    interval = INTERVALS.get(given) or max(1, int(re.sub(r"\D", "", given)))
    if days := found["days"]:
        named = [day_index(day) for day in re.findall(ANY_DAY, days, re.IGNORECASE)]
        return Repetition("WEEKLY", interval, sorted(set(named)))
    unit = (found["unit"] or "day").lower()
    if unit in ("weekday", "weekend"):
        return Repetition("WEEKLY", interval, list(range(5)) if unit == "weekday" else [5, 6])
    return Repetition(FREQUENCIES[unit], interval, [])


def _start(
    day: date | None, at: time | None, now: datetime, repetition: Repetition | None
) -> datetime | date:
    first = day or now.date()
    free_to_wait = day is None or repetition is not None
    if at is not None and first == now.date() and at <= now.time() and free_to_wait:
        first += timedelta(days=1)
    if repetition is not None and repetition.days:
        first += timedelta(days=min((index - first.weekday()) % 7 for index in repetition.days))
    return first if at is None else datetime.combine(first, at, now.tzinfo)


def _after(start: datetime, at: time, last: date | None) -> datetime:
    end = datetime.combine(last or start.date(), at, start.tzinfo)
    return end if end > start else end + timedelta(days=1)


def _when(moment: datetime | date, zone_name: str) -> dict[str, str]:
    if isinstance(moment, datetime):
        return {"dateTime": moment.isoformat(), "timeZone": zone_name}
    return {"date": moment.isoformat()}


def _rule(repetition: Repetition, start: datetime | date) -> str:
    parts = [f"FREQ={repetition.frequency}"]
    if repetition.interval > 1:
        parts.append(f"INTERVAL={repetition.interval}")
    if repetition.days:
        parts.append("BYDAY=" + ",".join(CODES[index] for index in repetition.days))
    until = repetition.until
    if repetition.limit is not None:
        count, unit = repetition.limit
        if unit == "times":
            parts.append(f"COUNT={max(1, count)}")
        elif FREQUENCIES[unit[:-1]] == repetition.frequency and repetition.interval == 1:
            parts.append(f"COUNT={max(1, count) * max(1, len(repetition.days))}")
        else:
            days = {"days": 1, "weeks": 7, "months": 30, "years": 365}[unit]
            first = start.date() if isinstance(start, datetime) else start
            until = first + timedelta(days=count * days - 1)
    if until is not None and isinstance(start, datetime):
        end = datetime.combine(until, time(23, 59, 59), start.tzinfo).astimezone(UTC)
        parts.append(f"UNTIL={end:%Y%m%dT%H%M%SZ}")
    elif until is not None:
        parts.append(f"UNTIL={until:%Y%m%d}")
    return "RRULE:" + ";".join(parts)


def _place(text: str) -> str | None:
    for pattern in (r"(?:\bat|@)\s+(?P<place>[^\x1f]+)", r"\bin\s+(?P<place>[^\x1f]+)"):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if place := re.sub(rf"{LOOSE}$", "", match["place"], flags=re.IGNORECASE):
                return place
    return None


def _title(text: str) -> str:
    kept = [re.sub(rf"^{LOOSE}$|{LOOSE}$", "", part, flags=re.IGNORECASE) for part in text.split(GAP)]
    title = " ".join(" ".join(kept).split())
    return title.strip(" ,;-–—")
