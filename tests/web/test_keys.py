"""API keys: shown once, stored hashed, limited in rights, users and pace, and dead at once when revoked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.google.scopes import WHOLE_CALENDAR, expand_requested
from catflap.settings import Settings
from catflap.store.database import Urls, connect
from catflap.store.notify import NotificationListener
from catflap.store.task_types import API_KEYS_TOPIC
from catflap.store.vault_tables import api_keys as t
from catflap.vault.api_keys import ApiKey, ApiKeys
from catflap.web.api_key_auth import TokensKey, require_key
from catflap.web.problem_route import ProblemRoute


@pytest.fixture
async def engine(database_urls: Urls) -> AsyncIterator[AsyncEngine]:
    """A pool as the vault's role: keys are its business alone."""
    pool = connect(database_urls.vault)
    yield pool
    await pool.dispose()


@pytest.fixture
def keys(engine: AsyncEngine, clock: FixedClock) -> ApiKeys:
    return ApiKeys(engine, clock, monotonic=lambda: 0.0)


@pytest.fixture
async def http(keys: ApiKeys) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.router.route_class = ProblemRoute
    app.state.catflap = SimpleNamespace(api_keys=keys, settings=Settings())

    @app.get("/protected")
    async def guarded(key: Annotated[ApiKey, Depends(require_key("tokens"))]) -> str:
        return key.name

    @app.get("/users/{user_id}")
    async def user(key: TokensKey, user_id: int) -> str:
        return key.name

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        yield client


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_a_live_key_with_the_right_opens(http: httpx2.AsyncClient, keys: ApiKeys) -> None:
    _, secret = await keys.create("shop", ["tokens"])
    assert (await http.get("/protected", headers=_bearer(secret))).json() == "shop"


@pytest.mark.parametrize("headers", [{}, _bearer("catflap_wrong"), {"Cookie": "catflap_session=x"}])
async def test_without_a_live_key_the_route_is_refused(
    http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.get("/protected", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_key_does_only_what_it_was_made_for(http: httpx2.AsyncClient, keys: ApiKeys) -> None:
    _, secret = await keys.create("crier", ["announce"])
    answer = await http.get("/protected", headers=_bearer(secret))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_for_some_users_is_refused_for_others(http: httpx2.AsyncClient, keys: ApiKeys) -> None:
    _, secret = await keys.create("shop", ["tokens"], user_ids=[17])
    assert (await http.get("/users/17", headers=_bearer(secret))).status_code == 200
    assert (await http.get("/users/18", headers=_bearer(secret))).status_code == 403


@pytest.mark.parametrize(
    "spelling", ["+18", "018", "18.0", "1_8", "%2018", "18%20", "%EF%BC%91%EF%BC%98", "-18"]
)
async def test_no_other_spelling_of_a_user_gets_round_the_limit(
    http: httpx2.AsyncClient, keys: ApiKeys, spelling: str
) -> None:
    _, secret = await keys.create("shop", ["tokens"], user_ids=[17])
    answer = await http.get(f"/users/{spelling}", headers=_bearer(secret))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_key_dies_on_its_last_day(http: httpx2.AsyncClient, keys: ApiKeys, clock: FixedClock) -> None:
    _, secret = await keys.create("guest", ["tokens"], expires_at=clock.now() + timedelta(days=1))
    assert (await http.get("/protected", headers=_bearer(secret))).status_code == 200
    clock.advance(timedelta(days=1))
    assert (await http.get("/protected", headers=_bearer(secret))).status_code == 401


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    http: httpx2.AsyncClient, keys: ApiKeys
) -> None:
    _, secret = await keys.create("busy", ["tokens"], per_minute=24)
    answers = [await http.get("/protected", headers=_bearer(secret)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "3"


async def test_revoking_ends_a_key_in_every_process(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls
) -> None:
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch(API_KEYS_TOPIC) as changed, notifications.watch(API_KEYS_TOPIC) as heard:
            here = ApiKeys(engine, clock)
            there = ApiKeys(engine, clock, changed, monotonic=lambda: 0.0)
            key, secret = await here.create("shop", ["tokens"])
            assert await there.find(secret) is not None
            await here.revoke(key.id)
            async with asyncio.timeout(10):
                await heard.wait()
            assert await there.find(secret) is None
            assert await here.find(secret) is None


async def test_a_key_is_stored_hashed_only(keys: ApiKeys, engine: AsyncEngine) -> None:
    key, secret = await keys.create("shop", ["tokens"])
    async with engine.connect() as connection:
        row = (await connection.execute(select(t))).one()
    assert secret not in repr(row) and secret.removeprefix("catflap_") not in repr(row)
    assert secret not in repr(key)


async def test_last_use_is_noted(http: httpx2.AsyncClient, keys: ApiKeys) -> None:
    _, secret = await keys.create("shop", ["tokens"])
    await http.get("/protected", headers=_bearer(secret))
    await keys.write_uses()
    (listed,) = await keys.list()
    assert listed.last_used_at == listed.created_at


@pytest.mark.parametrize(("name", "rights"), [("", ["tokens"]), ("x", []), ("x", ["everything"])])
async def test_a_key_without_sense_is_not_made(keys: ApiKeys, name: str, rights: list[str]) -> None:
    with pytest.raises(BadRequest):
        await keys.create(name, rights)


async def test_a_key_limited_in_scopes_may_use_what_they_imply_and_no_more(keys: ApiKeys) -> None:
    key, _ = await keys.create("reader", ["proxy"], scopes=["calendar.readonly"])
    key.check_scopes({"calendar.events.readonly"})
    with pytest.raises(BadRequest):
        key.check_scopes({"calendar.events"})


async def test_a_key_for_the_word_calendar_may_read_calendars_and_no_more(keys: ApiKeys) -> None:
    key, _ = await keys.create("reader", ["proxy"], scopes=["calendar"])
    key.check_scopes(expand_requested("calendar"))
    with pytest.raises(BadRequest):
        key.check_scopes({WHOLE_CALENDAR})
    whole, _ = await keys.create("writer", ["proxy"], scopes=[WHOLE_CALENDAR])
    whole.check_scopes({WHOLE_CALENDAR, *expand_requested("calendar")})
