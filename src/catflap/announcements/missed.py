"""Find what a device missed while it was offline, and plan what it says of that."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.appointments import appointments
from catflap.announcements.audience import UserDevice, addressed
from catflap.announcements.context import PlanContext
from catflap.announcements.facts import load_facts
from catflap.announcements.holding import Holding
from catflap.announcements.late import MINUTE_KINDS, late_announcements
from catflap.announcements.planned import KINDS, LATE
from catflap.announcements.planning import occurrence_window
from catflap.announcements.preference_store import load_preferences
from catflap.announcements.repository import increment_version, plan_for_device
from catflap.calendars import list_occurrences
from catflap.speech import Voices
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_within

# Devices play what they have within so long after its time.
OVERDUE_AFTER = timedelta(seconds=60)
# What is announced so soon is not announced before that.
_SOON = timedelta(minutes=2)
_KINDS = sorted({*KINDS, *MINUTE_KINDS})
_PENDING = ("planned", "ready", "sent")
# Whether a mute of all devices of the user or of the owner, or of this device, lasted at its time.
_ROWS = PreparedQuery(
    text("""
    SELECT a.id, a.kind, a.state, a.dialect, a.play_at, a.occurrences,
        COALESCE(a.play_at < d.muted_until, false) OR EXISTS (
            SELECT FROM app.users u WHERE u.id IN (a.user_id, d.user_id)
                AND u.muted_at <= a.play_at AND a.play_at < u.muted_until
        ) AS is_muted
    FROM app.announcements a JOIN app.devices d ON d.id = a.device_id
    WHERE a.device_id = :device_id AND a.user_id = :user_id AND a.play_at >= :since AND a.play_at < :until
        AND a.kind = ANY (CAST(:kinds AS text[]))
    ORDER BY a.play_at FOR UPDATE OF a
    """)
)
_MARK = PreparedQuery(
    text("""
    UPDATE app.announcements
    SET state = CASE WHEN why.detail = 'offline' THEN 'missed' ELSE 'held' END,
        detail = why.detail, updated_at = :now
    FROM unnest(CAST(:ids AS text[]), CAST(:details AS text[])) AS why (id, detail)
    WHERE announcements.id = why.id
    """)
)
# As by a plan, before the announcements.
_LOCK = PreparedQuery(text("SELECT id FROM app.devices WHERE id = :device_id FOR UPDATE"))
_RETRACT = PreparedQuery(
    text("""
    UPDATE app.announcements SET state = 'cancelled', updated_at = :now
    WHERE device_id = :device_id AND kind = :late AND state IN ('planned', 'ready', 'sent')
        AND occurrences && (SELECT a.occurrences FROM app.announcements a WHERE a.id = :id)
    RETURNING id
    """)
)


@dataclass(frozen=True)
class _Absence:
    """The announcements of the time in which a device was offline, and of the next minutes."""

    rows: Sequence[Columns]
    now: datetime

    def overdue(self) -> list[Columns]:
        """Return what is not to be played any more.

        All that tells of minutes, and of the rest, such as briefings, all but the last of each kind.
        """
        last = {row["id"] for row in self.lasting()}
        return [row for row in self._due() if row["id"] not in last]

    def lasting(self) -> list[Columns]:
        """Return what is true for hours and would be played now, the last of each kind and dialect."""
        due = (row for row in self._due() if row["kind"] not in MINUTE_KINDS)
        return [*{(row["kind"], row["dialect"]): row for row in due}.values()]

    def missed(self) -> set[str]:
        """Return references of what was to be announced and was not, nor was later, nor will be soon."""
        last: dict[str, bool] = {}
        for row in self.rows:
            if row["kind"] in MINUTE_KINDS and row["state"] != "cancelled":
                is_missed = row["state"] in (*_PENDING, "missed") and self._is_over(row)
                last |= dict.fromkeys(row["occurrences"], is_missed and not row["is_muted"])
        return {reference for reference, is_missed in last.items() if is_missed}

    def _due(self) -> list[Columns]:
        return [row for row in self.rows if row["state"] in _PENDING and self._is_over(row)]

    def _is_over(self, row: Columns) -> bool:
        return bool(row["play_at"] < self.now - OVERDUE_AFTER)


async def make_up_for_missed(
    connection: AsyncConnection, device: UserDevice, since: datetime, now: datetime, voices: Voices
) -> Counter[str]:
    """Set what a device missed of a user to `missed`, and plan what it says of that.

    What was due while it was muted is `held`, and nothing is said of it. So is a briefing and the like that
    it would play now, in quiet hours or in a meeting. Returns how many got which state.

    Args:
        connection: A transaction that called `lock_plan` and locked the device, which gets a new version from
            the caller.
        device: The device and the user.
        since: When it was online last.
        now: The time.
        voices: The engines that will render the sounds.
    """
    values = {"since": since, "until": now + _SOON, "kinds": _KINDS}
    mine = {"device_id": device.id, "user_id": device.user_id}
    absence = _Absence(await fetch_within(connection, _ROWS, **mine, **values), now)
    lasting, missed = absence.lasting(), absence.missed()
    details = {row["id"]: "muted" if row["is_muted"] else "offline" for row in absence.overdue()}
    if lasting or missed:
        context = await _context(connection, device, now)
        reasons = {row["id"]: context.holding.held_for(now, row["kind"]) for row in lasting}
        details |= {identifier: reason for identifier, reason in reasons.items() if reason is not None}
    await fetch_within(connection, _MARK, ids=[*details], details=[*details.values()], now=now)
    if missed:
        late = late_announcements(context, missed, now)
        planned = addressed(late, device.audience, context.facts.readings)
        await plan_for_device(connection, device.user_id, device.id, planned, now, voices)
    return Counter("missed" if detail == "offline" else "held" for detail in details.values())


async def retract_late(
    connection: AsyncConnection, device_id: int, announcement_id: str, now: datetime
) -> None:
    """Cancel what a device is to say late, because it has played this announcement while it was offline."""
    await fetch_within(connection, _LOCK, device_id=device_id)
    values = {"device_id": device_id, "id": announcement_id, "late": LATE, "now": now}
    if await fetch_within(connection, _RETRACT, **values):
        await increment_version(connection, device_id)


async def _context(connection: AsyncConnection, device: UserDevice, now: datetime) -> PlanContext:
    preferences = await load_preferences(connection, device.user_id)
    window = occurrence_window(preferences, now)
    occurrences = await list_occurrences(connection, device.user_id, *window, preferences.time_zone)
    found = appointments(occurrences, preferences)
    facts = await load_facts(connection, device.user_id)
    holding = Holding(found, preferences, device.audience.quiet)
    return PlanContext(found, preferences, facts, holding, now, now, device.audience)
