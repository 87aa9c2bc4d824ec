"""What each job does. A job only says "look again"; the rows are the truth, so doing it twice is no harm."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.lifecycle import mark_ready, mark_unspeakable
from catflap.announcements.planner import Planner
from catflap.calendars import Calendars
from catflap.clock import Clock
from catflap.errors import CatflapError, OperatorMustAct, may_retry
from catflap.speech import Speech
from catflap.store.tables import announcements, sounds
from catflap.vault.reactions import Reactions
from catflap.vault.revoking import Revoking
from catflap.vault.webhooks import Webhooks

Job = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Jobs:
    """The jobs by name, as they are enqueued."""

    engine: AsyncEngine
    clock: Clock
    calendars: Calendars | None
    planner: Planner
    speech: Speech
    webhooks: Webhooks
    revoking: Revoking
    reactions: Reactions

    def by_name(self) -> dict[str, Job]:
        """Every job of this version."""
        return {
            "sync": self.sync,
            "plan": self.plan,
            "render": self.render,
            "webhook": self.webhooks.deliver,
            "revoke": self.revoke,
            "risc": self.reactions.handle,
        }

    async def sync(self, key: str) -> None:
        """Read the calendars of one account: key `user_id account_sub`."""
        if self.calendars is None:
            # Enqueued before calendars were switched off.
            return
        user_id, _, account_sub = key.partition(" ")
        # What only the operator can mend is the same for every account, and `Calendars` logs it once.
        with contextlib.suppress(OperatorMustAct):
            await self.calendars.sync_account(int(user_id), account_sub)

    async def revoke(self, key: str) -> None:
        """Finish a revocation at Google: key `grant_id`."""
        await self.revoking.finish(int(key))

    async def plan(self, key: str) -> None:
        """Plan one user's announcements: key `user_id`."""
        await self.planner.plan_user(int(key))

    async def render(self, key: str) -> None:
        """Speak one sound, unless it exists: key is its content key."""
        a = announcements
        wanted = select(a.c.spoken, a.c.dialect).where(a.c.sound_key == key, a.c.state == "planned").limit(1)
        async with self.engine.connect() as connection:
            row = (await connection.execute(wanted)).first()
            exists = await connection.scalar(select(sounds.c.key).where(sounds.c.key == key))
        if row is None:
            return
        if exists is None:
            await self._speak(key, row.spoken, row.dialect)
        async with self.engine.begin() as connection:
            await mark_ready(connection, key, self.clock.now())

    async def _speak(self, key: str, spoken: str, dialect: str) -> None:
        try:
            sound = await self.speech.synthesise(spoken, dialect=dialect)
        except CatflapError as error:
            if not may_retry(error):
                async with self.engine.begin() as connection:
                    await mark_unspeakable(connection, key, self.clock.now(), error.code)
            raise
        values = {
            "key": key,
            "wav": sound.wav,
            "sha256": sound.sha256,
            "bytes": len(sound.wav),
            "seconds": sound.seconds,
            "created_at": self.clock.now(),
        }
        async with self.engine.begin() as connection:
            await connection.execute(upsert(sounds).values(values).on_conflict_do_nothing())
