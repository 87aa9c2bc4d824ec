"""The five benchmarks of the vault; each returns rows of (name, value)."""

import asyncio
import random
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from bench.vault_stage import Stage
from catflap.clock import SystemClock
from catflap.errors import CatflapError, UserMustAct
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grant, Vault, load_keyset
from catflap.vault.audit import Audit
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.maintenance import Maintenance
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Webhooks
from tests.support.processes import run_together

Rows = dict[str, Any]
KILL_STEPS = {
    "exchange": ("exchange.answered", "keep.begin", "keep.commit", "keep.end"),
    "refresh": ("refresh.leased", "refresh.answered", "refresh.commit", "refresh.end"),
    "rotation": ("rotate.added", "rotate.batch", "rotate.resealed", "rotate.retire", "rotate.end"),
    "revoke": ("revoke.begin", "revoke.marked", "revoke.answered", "revoke.end"),
}


async def single_flight(stage: Stage, *, slow: bool = True) -> Rows:
    """Count refreshes for one expired token: many callers or processes, slow Google, killed holders."""
    ((user, _, _),) = await stage.people(1, "flight.example.com")
    rows: Rows = {}
    for seconds in (0.15, 15.0) if slow else (0.15, 4.0):
        for processes in (1, 2, 4):
            await _ready(stage, latency=seconds)
            results = await run_together(*[stage.caller_arguments(user)] * processes)
            tokens = {token for one in results if one for token in one["tokens"]}
            errors = sum(sum(one["errors"].values()) for one in results if one)
            refreshes = await stage.google.refreshes()
            assert len(tokens) == 1 and errors == 0, results
            rows[f"Google answers in {seconds:g} s: {processes} processes"] = refreshes
    for step, what in (("refresh.leased", "before sending"), ("refresh.answered", "after sending")):
        await _ready(stage, latency=0.15)
        holder = stage.caller_arguments(user, kill_at=step, callers=1)
        assert await run_together(holder) == [None]
        began = time.monotonic()
        results = await run_together(*[stage.caller_arguments(user)] * 2)
        waited = time.monotonic() - began
        assert all(one and not one["errors"] for one in results)
        rows[f"holder killed {what}: 2 processes"] = await stage.google.refreshes()
        rows[f"holder killed {what}: the others waited, s"] = round(waited, 2)
    await stage.google.clear_faults()
    return rows


async def minute_of_expiry(stage: Stage, *, grants: int, per_second: float = 100.0) -> Rows:
    """Refresh many grants that expire in the same minute, with two workers at a configured rate."""
    await _seed(stage, grants)
    await stage.google.forget()
    await stage.expire_access_tokens(after=timedelta(minutes=5), in_use=True)
    vaults = [stage.vault(per_second=per_second) for _ in range(2)]
    vaults_maintenance = [_maintenance(stage, vault) for vault in vaults]
    began, served, cpu = time.monotonic(), 0, stage.cpu_seconds()

    async def use() -> None:
        nonlocal served
        chance = random.Random(1)
        while True:
            grant = await _any(stage, chance)
            live = await vaults[0].access_token(grant.user_id, grant.account_sub)
            assert live.expires_at > SystemClock().now()
            served += 1
            await asyncio.sleep(0.01)

    user = asyncio.create_task(use())
    await asyncio.gather(*(maintenance.refresh_due() for maintenance in vaults_maintenance))
    took = time.monotonic() - began
    spent = {name: seconds - cpu[name] for name, seconds in stage.cpu_seconds().items()}
    assert not user.done()
    user.cancel()
    async with stage.vault_engine.connect() as connection:
        total = await connection.scalar(select(func.count()).select_from(t)) or 0
        soon = SystemClock().now() + timedelta(minutes=10)
        stale = await connection.scalar(select(func.count()).where(t.c.expires_at < soon))
    return {
        "grants": total,
        "upstream refreshes": await stage.google.refreshes(),
        "not refreshed": stale,
        "configured rate of two workers, 1/s": 2 * per_second,
        "measured rate, 1/s": round(total / took, 1),
        **{f"CPU of {name}, ms a refresh": round(one * 1000 / total, 2) for name, one in spent.items()},
        **{f"CPU of {name}, cores": round(one / took, 2) for name, one in spent.items()},
        "tokens handed out meanwhile": served,
        "of those expired": 0,
    }


async def dead_grant(stage: Stage, *, calls: int = 1000) -> Rows:
    """Count upstream calls for a revoked grant."""
    ((user, _, email),) = await stage.people(1, "dead.example.com")
    await _ready(stage)
    await stage.google.revoke(email)
    vault, said = stage.vault(), set()
    for batch in range(0, calls, 50):
        outcomes = await asyncio.gather(
            *(vault.access_token(user) for _ in range(min(50, calls - batch))), return_exceptions=True
        )
        said |= {getattr(one, "code", type(one).__name__) for one in outcomes}
    assert said == {"reconsent_required"}
    return {"calls": calls, "upstream calls": await stage.google.refreshes()}


async def google_down(stage: Stage, *, seconds: float, people: int = 100) -> Rows:
    """Simulate an outage: no grant is marked revoked, few requests reach Google, and recovery is fast."""
    users = await stage.people(people, "down.example.com")
    await _ready(stage, status=503)
    vault, began = stage.vault(), time.monotonic()
    while time.monotonic() - began < seconds:
        outcomes = await asyncio.gather(
            *(vault.access_token(user, sub) for user, sub, _ in users), return_exceptions=True
        )
        assert all(isinstance(one, CatflapError) and one.code == "google_unavailable" for one in outcomes)
        await asyncio.sleep(1)
    during = await stage.google.refreshes()
    await stage.google.clear_faults()
    back, left = time.monotonic(), list(users)
    while left:
        outcomes = await asyncio.gather(
            *(vault.access_token(user, sub) for user, sub, _ in left), return_exceptions=True
        )
        left = [one for one, out in zip(left, outcomes, strict=True) if isinstance(out, Exception)]
        await asyncio.sleep(0.25 if left else 0)
    recovered = time.monotonic() - back
    async with stage.vault_engine.connect() as connection:
        subs = [sub for _, sub, _ in users]
        wrong = select(func.count()).where(t.c.account_sub.in_(subs), t.c.state != "active")
        marked = await connection.scalar(wrong)
    return {
        "outage, s": seconds,
        "grants in use": people,
        "upstream calls meanwhile": during,
        "grants wrongly marked": marked,
        "all served again after, s": round(recovered, 1),
    }


async def killed(stage: Stage, *, rounds: int) -> Rows:
    """Send SIGKILL at every step of exchange, refresh, rotation and revocation."""
    ((user, sub, email),) = await stage.people(1, "killed.example.com")
    steps = [(kind, step) for kind, several in KILL_STEPS.items() for step in several]
    counts = dict.fromkeys(KILL_STEPS, 0)
    unreadable = lost = again = 0
    for number in range(rounds):
        kind, step = steps[number % len(steps)]
        before = await _grant(stage, user)
        if before is None:
            await _consent(stage, user, sub, email)
            again += 1
        await stage.expire_access_tokens()
        code = await stage.google.code(email) if kind == "exchange" else None
        do = {"exchange": "keep", "refresh": "tokens", "rotation": "rotate", "revoke": "revoke"}[kind]
        order = stage.caller_arguments(
            user, do=do, kill_at=step, account=sub, code=code, callers=1, lease=0.3
        )
        assert await run_together(order) == [None], (kind, step)
        counts[kind] += 1
        if kind == "rotation":
            assert await run_together(stage.caller_arguments(user, do="rotate")) != [None]
        if kind == "revoke":
            await _finish(stage, user, sub)
            assert await _grant(stage, user) is None
            continue
        after = await _grant(stage, user)
        lost += after is None or after.state != "active"
        unreadable += after is not None and not _readable(stage, after)
        try:
            await stage.vault().access_token(user, sub)
        except UserMustAct:
            lost += 1
    assert len(load_keyset(stage.keyset).ids) == 1
    return {
        "rounds": rounds,
        **{f"killed in {kind}": count for kind, count in counts.items()},
        "grants lost": lost,
        "grants unreadable": unreadable,
        "new consents (after revocations only)": again,
    }


async def _ready(stage: Stage, **set_fault: Any) -> None:
    await stage.expire_access_tokens()
    await (stage.google.set_fault(**set_fault) if set_fault else stage.google.clear_faults())
    async with stage.vault_engine.begin() as connection:
        await connection.execute(update(t).values(lease_id=None, lease_until=None))
    await stage.google.forget()


async def _seed(stage: Stage, count: int) -> None:
    async with stage.vault_engine.begin() as connection:
        await connection.execute(t.delete())
    await stage.people(count, "minute.example.com")


async def _any(stage: Stage, chance: random.Random) -> Grant:
    async with stage.vault_engine.connect() as connection:
        last = await connection.scalar(select(func.max(t.c.id))) or 1
        first = await connection.scalar(select(func.min(t.c.id))) or 1
    found = await stage.grants().get(chance.randint(first, last))
    assert found is not None
    return found


def _maintenance(stage: Stage, vault: Vault) -> Maintenance:
    clock = SystemClock()
    webhooks = Webhooks(stage.vault_engine, vault.grants.cipher, clock, stage.http)
    security_event_handler = SecurityEventHandler(
        stage.app_engine, vault.grants, clock, Audit(stage.app_engine, clock)
    )
    changes = CalendarChangedEvents(stage.app_engine, stage.vault_engine, clock)
    return Maintenance(vault, webhooks, security_event_handler, changes, clock)


async def _grant(stage: Stage, user: int) -> Grant | None:
    found = await stage.grants().of_user(user)
    return found[0] if found else None


def _readable(stage: Stage, grant: Grant) -> bool:
    try:
        return bool(stage.grants().open_refresh_token(grant))
    except CatflapError:
        return False


async def _consent(stage: Stage, user: int, sub: str, email: str) -> None:
    tokens = await stage.oauth.exchange(await stage.google.code(email), redirect_uri="")
    assert await stage.grants().store(user, sub, tokens) is not None


async def _finish(stage: Stage, user: int, sub: str) -> None:
    vault = stage.vault()
    grant = await _grant(stage, user)
    if grant is not None and grant.state == "active":
        await vault.revoke(user, sub)
    for grant_id in await vault.revocation.unfinished():
        await vault.revocation.finish(grant_id)
    leftover = await _grant(stage, user)
    if leftover is not None and leftover.state == "revoked":
        await vault.grants.erase(leftover)
