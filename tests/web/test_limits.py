"""Rate limits of sign-ins: a flood is refused, leaves few rows, and does not slow other requests."""

import asyncio
import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import TryAgain
from catflap.signin import ConsentRequest
from catflap.signin import authorization_requests as attempts_module
from catflap.signin.authorization_requests import AuthorizationRequests
from catflap.store.database import Urls, asyncpg_options, connect
from catflap.store.tables import signin_attempts
from catflap.web import signin_limits
from catflap.web.signin_limits import Limit, counted_address
from tests.support.app_client import RunningApp, running_app
from tests.support.signin_codes import BARE, CODE_PATH, CREDENTIAL_PATH, STORE_PATH

pytestmark = pytest.mark.slow  # starts an application for each test

BEGINS = ["/signin/google?scopes=calendar", "/signin/google/popup", "/consents/made-up"]
TRUSTED = [ipaddress.ip_network(one) for one in ("127.0.0.1", "10.0.0.0/8", "fd00::/8")]


class Seconds:
    """A monotonic clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def strict(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> Any:
    """Four sign-ins a minute for each address, two of them at once."""
    chosen = {"signins_per_minute": 4, "trusted_proxies": ("127.0.0.1",)}
    async with running_app(database_urls, clock, tmp_path, **chosen) as app:
        yield app


async def token_of_a_user(app: RunningApp) -> tuple[str, dict[str, str]]:
    key = await app.api_key("users", "tokens")
    user_id = (await app.client.post("/v1/users", json={}, headers=key)).json()["id"]
    body = {"code": app.native_code()}
    assert (await app.client.post(f"/v1/users/{user_id}/google/code", json=body, headers=key)).is_success
    return f"/v1/users/{user_id}/google/token", key


async def test_a_flood_is_answered_429_and_the_token_api_goes_on(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path) as app:
        path, key = await token_of_a_user(app)
        per_minute = app.catflap.services.settings.signins_per_minute
        flood = [app.client.get(BEGINS[0]) for _ in range(2 * per_minute)]
        asked = [app.client.get(path, headers=key) for _ in range(20)]
        answers = await asyncio.gather(*flood, *asked)
        begun = [one for one in answers[: len(flood)] if one.status_code == 303]
        refused = [one for one in answers[: len(flood)] if one.status_code == 429]
        assert len(begun) + len(refused) == len(flood) and len(begun) >= per_minute // 2
        assert refused and all(int(one.headers["Retry-After"]) >= 1 for one in refused)
        assert refused[0].json()["code"] == "rate_limited"
        assert {one.status_code for one in answers[len(flood) :]} == {200}
        assert (await app.rows("SELECT count(*) FROM app.signin_attempts"))[0][0] == len(begun)


@pytest.mark.parametrize("path", [*BEGINS, "/signin/google/callback?state=made-up"])
async def test_what_begins_and_what_comes_back_is_limited_for_each_address(
    strict: RunningApp, path: str
) -> None:
    mine, other = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    answers = [await strict.client.get(path, headers=mine) for _ in range(3)]
    assert [one.status_code == 429 for one in answers] == [False, False, True]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await strict.client.get(path, headers=other)).status_code != 429


async def test_beginnings_do_not_use_up_the_way_back(strict: RunningApp) -> None:
    for _ in range(3):
        await strict.client.get(BEGINS[0])
    back = await strict.client.get("/signin/google/callback?state=made-up")
    assert back.headers["Location"] == "/?error=state_invalid"


async def test_codes_of_every_kind_are_limited_together(strict: RunningApp) -> None:
    page = strict.page_headers()
    sends = [
        lambda: strict.client.post(CODE_PATH, json={"code": "4/a", "client": "native"}),
        lambda: strict.client.post(CREDENTIAL_PATH, json={"credential": "a.b.c"}, headers=page),
        lambda: strict.client.post(CODE_PATH, content="4/a", headers={**page, **BARE}),
        lambda: strict.client.post(STORE_PATH, content="4/a", headers={**page, **BARE}),
    ]
    answers = [await send() for send in sends]
    assert [one.status_code == 429 for one in answers] == [False, False, True, True]
    assert list(answers[3].json()) == ["error"] and "Retry-After" in answers[3].headers
    assert (await strict.client.get(BEGINS[0])).status_code == 303


@pytest.mark.parametrize("path", [CODE_PATH, CREDENTIAL_PATH, STORE_PATH])
async def test_codes_beyond_the_limit_do_not_reach_the_database(strict: RunningApp, path: str) -> None:
    headers = {**strict.page_headers(), **BARE, "Cookie": "catflap_session=made-up"}
    for _ in range(2):
        assert (await strict.client.post(path, content="4/a", headers=headers)).status_code != 429
    statements: list[str] = []
    engine = strict.catflap.services.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "sessions" in statement:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert (await strict.client.post(path, content="4/a", headers=headers)).status_code == 429
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert statements == []


async def test_all_addresses_together_have_a_limit_too(strict: RunningApp) -> None:
    statuses = []
    for number in range(12):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        statuses.append((await strict.client.get(BEGINS[0], headers=headers)).status_code)
    assert statuses[:10] == [303] * 10 and 429 in statuses[10:]


async def test_sign_ins_that_wait_for_the_database_leave_it_to_everybody_else(app: RunningApp) -> None:
    """Sign-ins that wait for a lock hold only a few connections."""
    path, key = await token_of_a_user(app)
    connection = await asyncpg.connect(**asyncpg_options(app.urls.owner))
    await connection.execute("BEGIN; LOCK TABLE app.signin_attempts IN ACCESS EXCLUSIVE MODE")
    begun = [asyncio.create_task(app.client.get(BEGINS[0])) for _ in range(40)]
    try:
        for _ in range(3):
            assert (await app.client.get(path, headers=key)).status_code == 200
            bearer = await app.bearer_of(int(path.split("/")[3]))
            assert (await app.client.get("/v1/me", headers=bearer)).status_code == 200
    finally:
        await connection.execute("ROLLBACK")
        await connection.close()
        answers = await asyncio.gather(*begun)
    assert {one.status_code for one in answers} <= {303, 429}


async def test_what_waits_too_long_for_its_turn_is_told_to_come_again(
    engine: AsyncEngine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "_MAX_WAIT_SECONDS", 0.01)
    attempts = AuthorizationRequests(engine, clock)
    for _ in range(attempts_module._MAX_CONCURRENT):
        await attempts._slots.acquire()
    with pytest.raises(TryAgain, match="rate_limited") as refused:
        await attempts.create(ConsentRequest("signin", frozenset()))
    assert refused.value.after
    for _ in range(attempts_module._MAX_CONCURRENT):
        attempts._slots.release()
    assert await attempts.create(ConsentRequest("signin", frozenset()))


async def test_the_table_of_attempts_is_bounded(
    engine: AsyncEngine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "MAX_PENDING_REQUESTS", 5)
    seconds = Seconds()
    attempts, asks = AuthorizationRequests(engine, clock, seconds), ConsentRequest("signin", frozenset())
    begun = []
    for _ in range(9):
        clock.advance(timedelta(seconds=1))
        seconds.now += 1
        begun.append(await attempts.create(asks))
    async with engine.connect() as connection:
        left = {row.state_hash for row in await connection.execute(select(signin_attempts))}
    assert len(left) <= 6
    # The newest are the ones that somebody is about to come back with.
    async with attempts.resume(begun[-1].state, [begun[-1].browser_secret]) as resumed:
        assert resumed.state == begun[-1].state
    clock.advance(timedelta(minutes=11))
    seconds.now += 1
    await attempts.create(asks)
    async with engine.connect() as connection:
        assert len((await connection.execute(select(signin_attempts))).all()) == 1


async def test_deleting_what_is_over_uses_an_index(database_urls: Urls, clock: FixedClock) -> None:
    row = {"browser_hash": b"", "scopes": [], "next": "/", "purpose": "signin", "forced": False}
    rows = [
        {**row, "state_hash": n.to_bytes(4, "big"), "expires_at": clock.now() + timedelta(seconds=n)}
        for n in range(1, 5000)
    ]
    owner = connect(database_urls.owner)
    async with owner.begin() as connection:
        await connection.execute(insert(signin_attempts), rows)
        await connection.exec_driver_sql("ANALYZE app.signin_attempts")
        over = f"EXPLAIN DELETE FROM app.signin_attempts WHERE expires_at <= '{clock.now().isoformat()}'"
        plan = "\n".join(line[0] for line in await connection.exec_driver_sql(over))
    await owner.dispose()
    assert "signin_attempts_expires_at" in plan and "Seq Scan" not in plan, plan


def test_a_limit_forgets_addresses_and_keeps_within_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin_limits, "MOST_ADDRESSES", 100)
    limit = Limit("test", 1_000_000, Seconds())
    for number in range(1000):
        limit.check(str(number))
    assert len(limit._buckets) == 100 and "999" in limit._buckets and "0" not in limit._buckets


def test_a_limit_fills_again_with_time() -> None:
    seconds = Seconds()
    limit = Limit("test", 60, seconds)
    for _ in range(30):
        limit.check("a")
    with pytest.raises(TryAgain) as refused:
        limit.check("a")
    assert refused.value.after == timedelta(seconds=1)
    seconds.now = 1.0
    limit.check("a")
    with pytest.raises(TryAgain):
        limit.check("a")


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.9, 10.1.2.3", "198.51.100.9"),
        ("127.0.0.1", "10.0.0.7, 10.1.2.3", "10.0.0.7"),
        ("127.0.0.1", "6.6.6.6, nonsense", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, nonsense, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
        ("127.0.0.1", '"[2001:db8:1:2:3::4]:443"', "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("fd00::5", "2001:db8::1", "2001:db8::/64"),
        ("", "198.51.100.9", "198.51.100.9"),
        ("", "", "unknown"),
        ("127.0.0.1", ",".join(["6.6.6.6"] * 5000), "6.6.6.6"),
    ],
)
def test_an_address_is_counted_as_what_our_own_proxies_say(peer: str, forwarded: str, counted: str) -> None:
    assert counted_address(peer, forwarded, TRUSTED) == counted


def test_without_trusted_proxies_what_is_forwarded_counts_for_nothing() -> None:
    assert counted_address("127.0.0.1", "198.51.100.9", ()) == "127.0.0.1"
    assert counted_address("", "198.51.100.9", ()) == "unknown"
