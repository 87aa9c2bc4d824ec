"""Record which speakers of Home Assistant can be reached, and tell the operator when it can't be asked."""

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.background import raise_if_cancelled
from catflap.clock import Clock
from catflap.devices.channels.home_assistant_api import HomeAssistantApi
from catflap.devices.online import keep_online
from catflap.errors import CatflapError, OperatorMustAct
from catflap.log import log
from catflap.store.tables import devices as t

# Less than half of what makes a device count as offline.
_PAUSE_SECONDS = 15.0
# Home Assistant takes each attempt with a wrong token for one to log in, notifies its owner, and may ban us.
_REFUSED_PAUSE_SECONDS = 600.0


class SpeakerPresence:
    """Service that asks for the states of speakers that are devices; without any, it asks nothing.

    Args:
        engine: The database.
        clock: The current time.
        api: Home Assistant.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, api: HomeAssistantApi) -> None:
        self._engine = engine
        self._clock = clock
        self._api = api
        self._problem: str | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            pause = await self.step()
            await asyncio.sleep(pause)

    async def step(self) -> float:
        """Ask once; return after how many seconds to ask again."""
        try:
            await self._record()
        except CatflapError as error:
            raise_if_cancelled(error)
            # Each time would fill the log.
            if error.code != self._problem:
                log.warning("home_assistant_failed", code=error.code, detail=error.detail, hint=error.message)
            self._problem = error.code
            return _REFUSED_PAUSE_SECONDS if isinstance(error, OperatorMustAct) else _PAUSE_SECONDS
        if self._problem is not None:
            log.info("home_assistant_works_again", after=self._problem)
        self._problem = None
        return _PAUSE_SECONDS

    async def _record(self) -> None:
        query = select(t.c.id, t.c.entity).where(t.c.channel == "home_assistant")
        async with self._engine.connect() as connection:
            speakers = (await connection.execute(query)).all()
        if not speakers:
            return
        there = {one.entity for one in await self._api.states() if one.state != "unavailable"}
        online = [one.id for one in speakers if one.entity in there]
        await keep_online(self._engine, online, self._clock.now())
