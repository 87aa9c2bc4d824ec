"""What went wrong while calendars were read: kept in their rows, logged when it changes, told to the person.

A problem is the code of an error and since when it is there. It never touches the copy, which stays what it
was when Google last gave it.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct, TryAgain
from catflap.google.calendar_errors import REACTIONS, CalendarGone
from catflap.log import log
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, calendar_syncs, calendars
from catflap.store.task_types import PLAN

INTERNAL = "internal_error"
# Google said that the calendar is not this person's any more; its copy is empty.
GONE = frozenset(reaction.code for reaction in REACTIONS if reaction.kind is CalendarGone)
# Quotas return at a moment we don't know, so a pause doesn't grow beyond this.
_LONGEST_PAUSE = timedelta(hours=2)
# A longer `Retry-After` than this is not believed: the copy would grow old for a header.
_LONGEST_ASKED_FOR = timedelta(hours=24)
_MESSAGES = {
    **{reaction.code: reaction.message for reaction in REACTIONS},
    "google_unavailable": "Google does not answer properly; the calendar is read again by itself.",
    "google_refused": "Google refuses to give this calendar; it is asked again with the next regular sync.",
    "access_token_refused": "Google does not accept the access that was given; sign in again if this stays.",
    "reconsent_required": "Google no longer accepts the permission; give it again.",
    INTERNAL: "Catflap could not read this calendar; its log has the reason.",
}


def message_of(code: str) -> str:
    """What to do about a problem, in a sentence."""
    return _MESSAGES.get(code, "The calendar could not be read; it is tried again by itself.")


def most_pressing(failures: Iterable[CatflapError]) -> CatflapError:
    """Of several failures the one that decides about the next try: the soonest, if any may be tried again."""
    return min(failures, key=_pressure)


class Problems:
    """The problems of one account's calendars."""

    def __init__(self, engine: AsyncEngine, clock: Clock, user_id: int, account_sub: str) -> None:
        self._engine = engine
        self._clock = clock
        self._user_id = user_id
        self._account_sub = account_sub
        self._mine = (calendar_syncs.c.user_id == user_id, calendar_syncs.c.account_sub == account_sub)

    async def begin(self) -> None:
        """Make the account's row at its first sync, so that it is read again however this one ends."""
        t, now = calendar_syncs, self._clock.now()
        here = select(accounts.c.user_id, accounts.c.sub).where(
            accounts.c.user_id == self._user_id, accounts.c.sub == self._account_sub
        )
        async with self._engine.begin() as connection:
            for row in await connection.execute(here.with_for_update(key_share=True)):
                new = insert(t).values(user_id=row.user_id, account_sub=row.sub, waits_from=now, failures=0)
                await connection.execute(new.on_conflict_do_nothing())

    async def forget(self) -> None:
        """Ask no more: there is no grant."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(calendar_syncs).where(*self._mine))

    async def listed(self) -> None:
        """Google gave the calendar list."""
        now = self._clock.now()
        row = await self._set({"listed_at": now}, None)
        if row is not None and row.problem is not None:
            log.info("calendar_list_read_again", user=self._user_id, after=row.problem)

    async def failed(self, error: CatflapError) -> None:
        """The whole account could not be read."""
        row = await self._set({}, error.code)
        if row is not None and row.problem != error.code:
            log.warning("calendar_list_failed", user=self._user_id, code=error.code, detail=error.detail)

    async def calendar_failed(self, calendar_id: int, code: str, detail: str | None) -> None:
        """One calendar could not be read; its copy stays."""
        row = await _set_problem(self._engine, calendar_id, code, self._clock.now())
        if row is not None and row.problem != code:
            log.warning("calendar_sync_failed", calendar_id=calendar_id, code=code, detail=detail)

    async def ended(self, failure: CatflapError | None) -> None:
        """Note when to try again; a pause that Google wants grows while its reason stays."""
        now, t = self._clock.now(), calendar_syncs
        pause = failure.after if isinstance(failure, TryAgain) else None
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(t).where(*self._mine).with_for_update())).one_or_none()
            if row is None:
                return
            if pause is None:
                values = {"retry_at": None, "failures": 0 if failure is None else row.failures}
            else:
                pause = _grown(pause, row.failures)
                values = {
                    "retry_at": now + pause,
                    "waits_from": now + pause,
                    "failures": row.failures + 1,
                }
            await connection.execute(update(t).where(*self._mine).values(**values))
        if isinstance(failure, TryAgain):
            failure.after = pause

    async def _set(self, values: dict[str, object], code: str | None) -> Row[tuple[object, ...]] | None:
        """The row as it was."""
        now, t = self._clock.now(), calendar_syncs
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(t).where(*self._mine).with_for_update())).one_or_none()
            if row is not None:
                since = row.problem_since if row.problem == code else now
                values |= {"problem": code, "problem_since": since if code else None}
                await connection.execute(update(t).where(*self._mine).values(**values))
        return row


class OperatorNotice:
    """Tells the operator once what only they can mend, and that it is mended."""

    def __init__(self) -> None:
        self._told: str | None = None

    def failed(self, error: CatflapError) -> None:
        """Log what is to be done, unless that was said."""
        if isinstance(error, OperatorMustAct) and error.code != self._told:
            self._told = error.code
            log.error("operator_must_act", code=error.code, message=error.message, detail=error.detail)

    def worked(self) -> None:
        """Google answers; log it when it did not."""
        if self._told is not None:
            log.info("operator_has_acted", code=self._told)
            self._told = None


async def _set_problem(
    engine: AsyncEngine, calendar_id: int, code: str, now: datetime
) -> Row[tuple[object, ...]] | None:
    t = calendars
    async with engine.begin() as connection:
        row = (
            await connection.execute(select(t).where(t.c.id == calendar_id).with_for_update())
        ).one_or_none()
        if row is not None and row.problem != code:
            changed = update(t).where(t.c.id == calendar_id).values(problem=code, problem_since=now)
            await connection.execute(changed)
            if row.synced_at is None:
                # The first plan waited for this calendar, and now it must not wait any longer.
                await enqueue(connection, PLAN, row.user_id)
    return row


def _pressure(error: CatflapError) -> tuple[int, timedelta]:
    if isinstance(error, TryAgain):
        return 0, error.after or timedelta(0)
    return (1 if isinstance(error, OperatorMustAct) else 2), timedelta(0)


def _grown(pause: timedelta, failures: int) -> timedelta:
    """Truncated exponential with jitter, as Google asks for (Calendar API, "Handle API errors")."""
    pause = min(pause, _LONGEST_ASKED_FOR)
    grown = min(pause * (1 << min(failures, 10)), max(pause, _LONGEST_PAUSE))
    return grown * random.uniform(1.0, 1.25)  # noqa: S311
