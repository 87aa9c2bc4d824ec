"""Record sync failures per account and per calendar, log changes of them, and describe them to the user.

A problem is an error code and the time since when it persists. It leaves the stored events as they are.
"""

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.calendars.budget_windows import Priority
from catflap.calendars.calendar_list import StoredAccount
from catflap.calendars.request_budget import BudgetUsed
from catflap.calendars.sync_intervals import SyncIntervals
from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct, TryAgain
from catflap.google.calendar_errors import ERROR_RULES, CalendarGone
from catflap.log import log
from catflap.store.calendar_tables import calendar_syncs, calendars
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.queue import enqueue
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.task_types import PLAN, AccountKey

INTERNAL = "internal_error"
RECONSENT = "reconsent_required"
# Google said that this account no longer has the calendar; its stored events are deleted.
GONE = frozenset(reaction.code for reaction in ERROR_RULES if reaction.kind is CalendarGone)
# The time at which a quota is reset is unknown, so pauses don't grow beyond this.
_LONGEST_PAUSE = timedelta(hours=2)
# Where Google gives no reason: an outage, which may be over soon.
_SHORTEST_PAUSE = timedelta(seconds=2)
_LONGEST_UNASKED = timedelta(minutes=4)
# After this, the periodic task enqueues a job that was lost.
_JOB_OF_ITS_OWN = timedelta(minutes=1)
# Longer values of `Retry-After` are cut to this, so that one header can't stop the sync.
_LONGEST_ASKED_FOR = timedelta(hours=24)
_MESSAGES = {
    **{reaction.code: reaction.message for reaction in ERROR_RULES},
    "google_unavailable": "Google does not answer properly; the calendar is read again by itself.",
    "google_refused": "Google refuses to give this calendar; it is asked again with the next regular sync.",
    "access_token_refused": "Google does not accept the access that was given; sign in again if this stays.",
    RECONSENT: "Google no longer accepts the permission; give it again.",
    INTERNAL: "Catflap could not read this calendar; its log has the reason.",
}

_CREATE = PreparedQuery(
    text("""
    INSERT INTO app.calendar_syncs (user_id, account_sub, due_at, list_due_at, failures)
    SELECT user_id, sub, CAST(:now AS timestamptz), CAST(:now AS timestamptz), 0 FROM app.accounts
    WHERE user_id = :user_id AND sub = :account_sub FOR KEY SHARE
    ON CONFLICT DO NOTHING
    """)
)
_LISTED = PreparedQuery(
    text("""
    UPDATE app.calendar_syncs SET listed_at = :listed_at, problem = NULL, problem_since = NULL
    WHERE user_id = :user_id AND account_sub = :account_sub
    """)
)
_SUCCESS = PreparedQuery(
    text("""
    UPDATE app.calendar_syncs s SET
        listed_at = COALESCE(CAST(:listed_at AS timestamptz), listed_at),
        list_due_at = COALESCE(CAST(:list_due_at AS timestamptz), list_due_at),
        due_at = LEAST(COALESCE(:list_due_at, list_due_at), (
            SELECT min(c.sync_due_at) FROM app.calendars c
            WHERE c.user_id = s.user_id AND c.account_sub = s.account_sub AND c.is_selected
        )),
        -- Before the retry, nothing is known yet of what failed.
        retry_at = CASE WHEN retry_at > :now THEN retry_at END,
        failures = CASE WHEN retry_at > :now THEN failures ELSE 0 END
    WHERE user_id = :user_id AND account_sub = :account_sub
    """)
)
_PAUSE = PreparedQuery(
    text("""
    WITH told AS (
        UPDATE app.calendars SET is_notified = true
        WHERE id = ANY (CAST(:told AS bigint[])) AND sync_due_at <= CAST(:now AS timestamptz)
    )
    UPDATE app.calendar_syncs SET
        listed_at = COALESCE(CAST(:listed_at AS timestamptz), listed_at),
        list_due_at = COALESCE(CAST(:list_due_at AS timestamptz), list_due_at),
        is_list_notified = is_list_notified OR CAST(:list_told AS boolean),
        due_at = CAST(:due_at AS timestamptz)
    WHERE user_id = :user_id AND account_sub = :account_sub
    """)
)


def problem_message(code: str) -> str:
    """Return a sentence for the user about a problem and what to do about it."""
    return _MESSAGES.get(code, "The calendar could not be read; it is tried again by itself.")


def most_urgent(failures: Iterable[CatflapError]) -> CatflapError:
    """Return the failure that decides about the next attempt: the soonest retry, if any can be retried."""
    return min(failures, key=_urgency)


class AccountSyncLog:
    """Recorder of the sync outcomes of one account and its calendars (`app.calendar_syncs`)."""

    def __init__(
        self, engine: AsyncEngine, clock: Clock, account: AccountKey, intervals: SyncIntervals
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._user_id = account.user_id
        self._key = account._asdict()
        self._intervals = intervals
        self._listed_at: datetime | None = None
        self._list_due_at: datetime | None = None
        self.retry_waits = False
        """Whether another job had failed, and its retry was still to come, when this one failed."""

    def _mine(self) -> list[ColumnElement[bool]]:
        return [calendar_syncs.c[name] == value for name, value in self._key.items()]

    async def create_row(self) -> None:
        """Insert the account's row at its first sync, so that syncs are scheduled even if this one fails."""
        await fetch_alone(self._engine, _CREATE, **self._key, now=self._clock.now())

    async def record_list_success(self, stored: StoredAccount) -> None:
        """Record that the calendar list was fetched: now, or with the end if nothing but the times change."""
        self._listed_at = self._clock.now()
        self._list_due_at = self._listed_at + self._intervals.of_list(has_push=stored.list_has_push)
        if not stored.is_listed or stored.list_problem is not None:
            async with self._engine.begin() as connection:
                await fetch_within(connection, _LISTED, **self._key, listed_at=self._listed_at)
                await self._plan_consent(connection, stored.list_problem, None)
        if stored.list_problem is not None:
            log.info("calendar_list_sync_recovered", user=self._user_id, after=stored.list_problem)

    async def record_account_failure(self, error: CatflapError) -> None:
        """Record that no calendar of the account could be read."""
        now, t = self._clock.now(), calendar_syncs
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(t).where(*self._mine()).with_for_update())).one_or_none()
            if row is not None:
                since = row.problem_since if row.problem == error.code else now
                changed = update(t).where(*self._mine()).values(problem=error.code, problem_since=since)
                await connection.execute(changed)
                await self._plan_consent(connection, row.problem, error.code)
        if row is not None and row.problem != error.code:
            log.warning("calendar_list_sync_failed", user=self._user_id, code=error.code, detail=error.detail)

    async def _plan_consent(self, connection: AsyncConnection, before: str | None, after: str | None) -> None:
        """Enqueue a plan if a new consent is needed since now, or no longer: a plan announces that."""
        if (before == RECONSENT) is not (after == RECONSENT):
            await enqueue(connection, PLAN, self._user_id)

    async def record_calendar_failure(self, calendar_id: int, code: str, detail: str | None) -> None:
        """Record that one calendar could not be read."""
        row = await _set_problem(self._engine, calendar_id, code, self._clock.now())
        if row is not None and row.problem != code:
            log.warning("calendar_sync_failed", calendar_id=calendar_id, code=code, detail=detail)

    async def record_end(
        self, failures: Mapping[int, CatflapError], *, of_account: CatflapError | None = None
    ) -> None:
        """Record when the next sync is due, and set `after` of the failures; pauses grow with their number.

        Args:
            failures: Those of calendars, by their ids.
            of_account: The failure with which the whole sync ended, if it did.
        """
        if not failures and of_account is None:
            await fetch_alone(
                self._engine,
                _SUCCESS,
                **self._key,
                now=self._clock.now(),
                listed_at=self._listed_at,
                list_due_at=self._list_due_at,
            )
            return
        now, t = self._clock.now(), calendar_syncs
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(t).where(*self._mine()).with_for_update())).one_or_none()
            if row is None:
                return
            self.retry_waits = row.retry_at is not None and row.retry_at > now
            for calendar_id, error in failures.items():
                later = now + self._pause(error, row.failures)
                due = update(calendars).where(calendars.c.id == calendar_id).values(sync_due_at=later)
                await connection.execute(due)
            pause = None if of_account is None else self._pause(of_account, row.failures)
            values = await self._end_of_failed(connection, row, of_account or most_urgent(failures.values()))
            if pause is not None:
                values["due_at"] = now + pause
            await connection.execute(update(t).where(*self._mine()).values(**values))

    async def record_pause(self, stored: StoredAccount, error: BudgetUsed) -> None:
        """Record that the sync ended before everything was read, because there was no permit for a request.

        What is due stays due, and what a notification told is told again, so that its priority stays.
        """
        now = self._clock.now()
        # The next job is enqueued by the periodic task at this time, unless an urgent one was before.
        later = now + (error.after or timedelta(0))
        if error.priority is not Priority.POLL:
            later += _JOB_OF_ITS_OWN
        await fetch_alone(
            self._engine,
            _PAUSE,
            **self._key,
            now=now,
            due_at=later,
            listed_at=self._listed_at,
            list_due_at=self._list_due_at,
            list_told=stored.was_list_notified and self._list_due_at is None,
            told=[one.id for one in stored.selected() if one.was_notified],
        )

    async def _end_of_failed(
        self, connection: AsyncConnection, row: Row[Any], failure: CatflapError
    ) -> dict[str, object]:
        now, c = self._clock.now(), calendars.c
        values: dict[str, object] = {"retry_at": None}
        if isinstance(failure, TryAgain):
            retry_at = now + (failure.after or timedelta(0))
            # Jobs that fail side by side fail for one reason.
            values["retry_at"] = min(row.retry_at, retry_at) if self.retry_waits else retry_at
            values["failures"] = row.failures + (not self.retry_waits)
        if self._listed_at is not None:
            values |= {"listed_at": self._listed_at, "list_due_at": self._list_due_at}
        mine = c.user_id == self._user_id, c.account_sub == row.account_sub, c.is_selected
        first = await connection.scalar(select(func.min(c.sync_due_at)).where(*mine))
        list_due_at = self._list_due_at or row.list_due_at
        return values | {"due_at": list_due_at if first is None else min(first, list_due_at)}

    def _pause(self, error: CatflapError, failures: int) -> timedelta:
        """Return how long to wait after a failure, and set its `after` to that if it is to be retried."""
        if not isinstance(error, TryAgain):
            return self._intervals.of_list(has_push=False)
        error.after = _backoff(error.after, failures)
        return error.after


class OperatorNotice:
    """Log once each problem that only the operator can solve, and once that it is solved."""

    def __init__(self) -> None:
        self._logged_code: str | None = None

    def record_failure(self, error: CatflapError) -> None:
        """Log what the operator has to do, unless it is the problem that was logged last."""
        if isinstance(error, OperatorMustAct) and error.code != self._logged_code:
            self._logged_code = error.code
            log.error("operator_must_act", code=error.code, message=error.message, detail=error.detail)

    def record_success(self) -> None:
        """Log that the last problem is solved, if there was one."""
        if self._logged_code is not None:
            log.info("operator_problem_solved", code=self._logged_code)
            self._logged_code = None


async def _set_problem(
    engine: AsyncEngine, calendar_id: int, code: str, now: datetime
) -> Row[tuple[object, ...]] | None:
    t = calendars
    async with engine.begin() as connection:
        row = (
            await connection.execute(select(t).where(t.c.id == calendar_id).with_for_update())
        ).one_or_none()
        if row is not None and row.is_selected and row.problem != code:
            changed = update(t).where(t.c.id == calendar_id).values(problem=code, problem_since=now)
            await connection.execute(changed)
            if row.synced_at is None:
                # The first plan waited for this calendar; it may be made without it now.
                await enqueue(connection, PLAN, row.user_id)
    return row


def _urgency(error: CatflapError) -> tuple[int, timedelta]:
    if isinstance(error, TryAgain):
        return 0, error.after or timedelta(0)
    return (1 if isinstance(error, OperatorMustAct) else 2), timedelta(0)


def _backoff(pause: timedelta | None, failures: int) -> timedelta:
    """Truncated exponential with jitter, as Google asks for (Calendar API, "Handle API errors")."""
    longest = _LONGEST_PAUSE
    if pause is None:
        pause, longest = _SHORTEST_PAUSE, _LONGEST_UNASKED
    pause = min(pause, _LONGEST_ASKED_FOR)
    grown = min(pause * (1 << min(failures, 10)), max(pause, longest))
    return grown * random.uniform(1.0, 1.25)  # noqa: S311
