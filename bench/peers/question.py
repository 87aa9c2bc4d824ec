"""What every library is asked: one expired token for many callers, then a dead grant again and again."""

from collections.abc import Awaitable, Callable

from bench.records import Rows
from bench.vault_stage import Stage

CALLERS, DEAD_CALLS, LATENCY = 50, 20, 0.15
Calls = Callable[[], Awaitable[None]]


async def ask(stage: Stage, name: str, dead_email: str, *, at_once: Calls, one_by_one: Calls) -> Rows:
    """Return how many requests reached Google for each; `at_once` and `one_by_one` make the calls."""
    await stage.google.set_fault(latency=LATENCY)
    await stage.google.forget()
    try:
        await at_once()
    finally:
        await stage.google.clear_faults()
    refreshes = await stage.google.refreshes()
    await stage.google.revoke(dead_email)
    await stage.google.forget()
    await one_by_one()
    return {
        f"{name}: refreshes for {CALLERS} callers, Google {LATENCY:g} s": refreshes,
        f"{name}: upstream calls for {DEAD_CALLS} calls with a dead grant": await stage.google.refreshes(),
    }
