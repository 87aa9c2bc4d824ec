"""Catflap and other libraries, each asked the same."""

import asyncio

from bench.peers import better_auth, python_peers
from bench.peers.question import CALLERS, DEAD_CALLS, ask
from bench.records import Rows
from bench.vault_stage import Stage
from catflap.errors import UserMustAct


async def run_peers(stage: Stage) -> Rows:
    """Return the number of requests to Google of each; of a library that can't run here, the reason."""
    rows: Rows = {}
    for peer in (_catflap, python_peers.google_auth, python_peers.authlib, better_auth.refreshes):
        rows |= await peer(stage)
    return rows


async def _catflap(stage: Stage) -> Rows:
    """Ask one vault, as each process has one."""
    (live, _, _), (dead, _, dead_email) = await stage.people(2, "catflap.example.com")
    await stage.expire_access_tokens()
    vault = stage.vault()

    async def at_once() -> None:
        await asyncio.gather(*(vault.access_token(live) for _ in range(CALLERS)))

    async def one_by_one() -> None:
        answers = [
            await asyncio.gather(vault.access_token(dead), return_exceptions=True) for _ in range(DEAD_CALLS)
        ]
        assert all(isinstance(answer, UserMustAct) for (answer,) in answers)

    return await ask(stage, "Catflap", dead_email, at_once=at_once, one_by_one=one_by_one)
