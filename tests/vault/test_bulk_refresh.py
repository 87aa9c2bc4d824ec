"""Tokens that expire together: each is refreshed once, in few commits, without delaying callers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import TryAgain
from catflap.google.oauth import OAuth, TokenResponse
from catflap.store.notify import NotificationListener
from catflap.store.tables import users
from catflap.store.vault_tables import google_tokens as t
from catflap.vault import Grants, Vault
from catflap.vault.rate_limit import TokenBucket
from catflap.vault.token_rows import RefreshedToken, TokenRows
from tests.support.statements import commits, recorded_statements
from tests.support.vault import another_vault
from tests.vault.conftest import CLIENT_ID, SCOPES, Google

Expire = Callable[[int], Awaitable[list[int]]]


@pytest.fixture
def expire(google: Google, grants: Grants, engine: AsyncEngine, clock: FixedClock) -> Expire:
    """Make grants in use whose access tokens expire in a minute; returns the ids of the tokens."""

    async def made(count: int) -> list[int]:
        ids = []
        for number in range(count):
            account = google.sandbox.add_account(f"{number}@example.com")
            given = google.sandbox.grant(account.email, CLIENT_ID, SCOPES)
            async with engine.begin() as connection:
                new = insert(users).values(created_at=clock.now()).returning(users.c.id)
                user_id = (await connection.execute(new)).scalar_one()
            answer = TokenResponse(given["access_token"], 60, frozenset(), given["refresh_token"])
            kept = await grants.store(user_id, account.sub, answer)
            assert kept is not None
            ids.append(kept.id)
        async with grants.engine.begin() as connection:
            scopes = ["openid", "email", "calendar.events"]
            await connection.execute(update(t).values(used_at=clock.now(), scopes=sorted(scopes)))
        return ids

    return made


def due() -> tuple[Any, ...]:
    """Every token that is not as good as new."""
    return (t.c.state == "active", t.c.version == 1)


async def test_tokens_that_expire_together_are_refreshed_once_by_two_processes(
    expire: Expire,
    vault: Vault,
    grants: Grants,
    oauth: OAuth,
    clock: FixedClock,
    notifications: NotificationListener,
    google: Google,
) -> None:
    await expire(70)
    other = another_vault(grants, oauth, clock, notifications)
    done = await asyncio.gather(vault.refresh_all(due), other.refresh_all(due))
    assert (sum(done), google.refreshes()) == (70, 70)
    assert await vault.refresh_all(due) == 0


async def test_no_token_is_read_or_leased_in_a_statement_of_its_own(
    expire: Expire, vault: Vault, google: Google
) -> None:
    await expire(30)
    vault._bulk_refresh._leases._lifetime = timedelta(hours=1)
    with recorded_statements() as statements:
        assert await vault.refresh_all(due) == 30
    leases = [one for one in statements if "SKIP LOCKED" in one.sql]
    stored = [one for one in statements if "unnest" in one.sql]
    assert len(leases) == 2
    assert [one for one in statements if one.is_query and one not in leases and one not in stored] == []


async def test_answers_that_wait_for_a_commit_share_it(expire: Expire, vault: Vault) -> None:
    await expire(10)
    tokens = await vault.grants.rows.where(t.c.version == 1)
    await vault._bulk_refresh._leases.claim("lease", t.c.version == 1, limit=10)
    refreshed = [RefreshedToken(one, "lease", TokenResponse("new", 3599, frozenset())) for one in tokens]
    with recorded_statements() as statements:
        kept = await asyncio.gather(*(vault._bulk_refresh._store.store(one) for one in refreshed))
    assert kept == [True] * 10
    assert commits(statements) == 1
    for one in await vault.grants.rows.where(t.c.version == 2):
        assert vault.grants.open_access_token(one) == "new"


async def test_an_answer_is_not_stored_over_a_newer_row_or_under_a_lost_lease(
    expire: Expire, vault: Vault
) -> None:
    changed, lost, kept = await expire(3)
    await vault._bulk_refresh._leases.claim("lease", t.c.version == 1, limit=3)
    tokens = await vault.grants.rows.where(t.c.version == 1)
    async with vault.grants.engine.begin() as connection:
        await connection.execute(update(t).where(t.c.id == changed).values(version=2))
        await connection.execute(update(t).where(t.c.id == lost).values(lease_id="of another"))
    answer = TokenResponse("late", 3599, frozenset())
    stored = await vault.grants.store_access_tokens([RefreshedToken(one, "lease", answer) for one in tokens])
    assert stored == {kept}


async def test_a_new_refresh_token_survives_the_failure_of_a_shared_commit(
    expire: Expire, vault: Vault, oauth: OAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated, *_ = await expire(5)
    (token,) = await vault.grants.rows.where(t.c.id == rotated)
    old = vault.grants.open_refresh_token(token)

    async def refresh(sent: str) -> TokenResponse:
        return TokenResponse("new", 3599, frozenset(), "1//rotated" if sent == old else None)

    monkeypatch.setattr(oauth, "refresh", refresh)
    _fail_once(vault.grants.rows, monkeypatch)
    with pytest.raises(OSError, match="disk"):
        await vault.refresh_all(due)
    (token,) = await vault.grants.rows.where(t.c.id == rotated)
    assert vault.grants.open_refresh_token(token) == "1//rotated"
    assert len(await vault.grants.rows.where(t.c.version == 1, t.c.lease_id.is_(None))) == 4
    assert await vault.refresh_all(due) == 4


async def test_an_unexpected_error_stops_no_other_token_and_is_raised_at_the_end(
    expire: Expire, vault: Vault, oauth: OAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, *_ = await expire(8)
    (token,) = await vault.grants.rows.where(t.c.id == broken)
    asked, refresh_token = [], vault.grants.open_refresh_token(token)

    async def refresh(sent: str) -> TokenResponse:
        asked.append(sent)
        if sent == refresh_token:
            raise ValueError
        return TokenResponse("new", 3599, frozenset())

    monkeypatch.setattr(oauth, "refresh", refresh)
    # So that there are several claims.
    vault._bulk_refresh._rate_limit = _WatchedBucket(per_second=8, burst=8)
    with pytest.raises(ValueError):
        await vault.refresh_all(due)
    # Once more at most, by a claim that began before the first failure.
    assert (len(set(asked)), asked.count(str(refresh_token)) <= 2) == (8, True)
    (left,) = await vault.grants.rows.where(t.c.version == 1, t.c.lease_id.is_(None))
    assert left.id == broken


@pytest.mark.parametrize(
    ("refresh_token", "name"), [("1//rotated", "store_refreshed"), (None, "store_access_tokens")]
)
async def test_an_answer_is_stored_before_a_run_that_is_cancelled_releases_its_lease(
    expire: Expire,
    vault: Vault,
    oauth: OAuth,
    monkeypatch: pytest.MonkeyPatch,
    refresh_token: str | None,
    name: str,
) -> None:
    await expire(1)
    storing, done = asyncio.Event(), list[str]()

    def noted(of: Any, called: str) -> None:
        call = getattr(of, called)

        async def note(*arguments: Any) -> Any:
            storing.set()
            await asyncio.sleep(0)
            result = await call(*arguments)
            done.append(called)
            return result

        monkeypatch.setattr(of, called, note)

    noted(vault.grants, name)
    noted(vault._bulk_refresh._leases, "release_all")
    answer = TokenResponse("new", 3599, frozenset(), refresh_token)
    monkeypatch.setattr(oauth, "refresh", AsyncMock(return_value=answer))
    run = asyncio.create_task(vault.refresh_all(due))
    await storing.wait()
    run.cancel()
    await asyncio.wait({run})
    assert (run.cancelled(), done) == (True, [name, "release_all"])
    (kept,) = await vault.grants.rows.where(t.c.lease_id.is_(None))
    assert vault.grants.open_access_token(kept) == "new"
    assert refresh_token in (None, vault.grants.open_refresh_token(kept))


def _fail_once(rows: TokenRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next statement that stores several tokens fail."""
    store = rows.store_access_tokens

    async def fail(*arguments: Any) -> set[int]:
        monkeypatch.setattr(rows, "store_access_tokens", store)
        raise OSError("no space left on disk")

    monkeypatch.setattr(rows, "store_access_tokens", fail)


class _WatchedBucket(TokenBucket):
    """A rate limit without a wait, which notes how many wait for it at once."""

    waiting = most = 0

    async def acquire(self) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1


async def test_a_callers_refresh_waits_for_one_request_of_the_bulk_at_most(
    expire: Expire, vault: Vault, google: Google
) -> None:
    await expire(12)
    bucket = _WatchedBucket(per_second=8, burst=8)
    vault._bulk_refresh._rate_limit = bucket
    with recorded_statements() as statements:
        assert await vault.refresh_all(due) == 12
    assert bucket.most == 1
    # At 8 a second no more than 2 are leased ahead, a quarter of a second's worth.
    assert len([one for one in statements if "SKIP LOCKED" in one.sql]) == 7


async def test_a_token_that_does_not_decrypt_stops_no_other_and_is_tried_once(
    expire: Expire, vault: Vault, vault_engine: AsyncEngine, google: Google
) -> None:
    broken, *_ = await expire(3)
    async with vault_engine.begin() as connection:
        foreign = text("UPDATE vault.google_tokens SET refresh_token = '\\x01ffffffff00' WHERE id = :id")
        await connection.execute(foreign, {"id": broken})
    assert await vault.refresh_all(due) == 2
    assert google.refreshes() == 2
    (token,) = await vault.grants.rows.where(t.c.lease_id.is_(None), t.c.version == 1)
    assert (token.id, token.state) == (broken, "active")


async def test_a_run_ends_when_google_is_down_and_holds_no_lease(
    expire: Expire, vault: Vault, google: Google, vault_engine: AsyncEngine
) -> None:
    await expire(120)
    google.trouble(status=503)
    assert await vault.refresh_all(due) == 0
    assert google.refreshes() <= 60
    assert await vault.grants.rows.where(t.c.lease_id.is_not(None)) == []
    google.clear_faults()


async def test_a_run_ends_with_the_error_of_a_database_that_is_away(
    expire: Expire, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await expire(3)
    claim, calls = vault._bulk_refresh._leases.claim, 0

    async def once(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise TryAgain("database_unavailable", "away", after=timedelta(seconds=1))
        return await claim(*arguments, **named)

    monkeypatch.setattr(vault._bulk_refresh._leases, "claim", once)
    with pytest.raises(TryAgain):
        await vault.refresh_all(due)
    assert len(await vault.grants.rows.where(t.c.version == 2)) == 3
