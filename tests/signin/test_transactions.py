"""Transactions of a sign-in: one of the app and one of the vault, in an order that a crash can't harm."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.google.scopes import SIGN_IN
from catflap.signin import Completion, ConsentRequest, NewSession, Sessions, SignInResult
from catflap.signin.authorization_requests import AuthorizationRequests, StateUsed
from catflap.signin.linking import AccountLinker
from catflap.vault.failpoint import failpoints
from tests.support.app_client import Browser, RunningApp
from tests.support.signin import NOTHING, ONE_OF_EACH, back_from_google, error_of
from tests.support.signin_codes import CODE_PATH, id_token, native, popup
from tests.support.statements import commits, queries, recorded_statements

pytestmark = pytest.mark.slow  # starts an application for each test
Prepare = Callable[[RunningApp, Browser], Awaitable[Callable[[], Awaitable[Any]]]]


async def by_redirect(app: RunningApp, browser: Browser) -> Callable[[], Awaitable[Any]]:
    back = await back_from_google(browser)
    return lambda: browser.get(back)


async def by_popup(app: RunningApp, browser: Browser) -> Callable[[], Awaitable[Any]]:
    body = {"code": app.popup_code(), "client": "popup", "state": (await popup(browser))["state"]}
    return lambda: browser.send("POST", CODE_PATH, json=body, headers=app.page_headers())


async def natively(app: RunningApp, browser: Browser) -> Callable[[], Awaitable[Any]]:
    body = {"code": app.native_code(), "client": "native"}
    return lambda: app.client.post(CODE_PATH, json=body)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the statements and the transactions that were committed."""
    found = Counter[str]()
    with recorded_statements() as sent:
        yield found
    found["commits"], found["statements"] = commits(sent), queries(sent)


@pytest.mark.parametrize(
    ("prepare", "first", "later"),
    [
        (by_redirect, {"statements": 11, "commits": 2}, {"statements": 8, "commits": 2}),
        (by_popup, {"statements": 11, "commits": 2}, {"statements": 8, "commits": 2}),
        # The session of a known user is one statement, which commits itself.
        (natively, {"statements": 9, "commits": 2}, {"statements": 6, "commits": 1}),
    ],
)
async def test_a_sign_in_commits_once_for_each_role(
    app: RunningApp, prepare: Prepare, first: dict[str, int], later: dict[str, int]
) -> None:
    for expected in (first, later):
        sign_in = await prepare(app, await app.browser())
        with counted() as found:
            assert (await sign_in()).status_code in (200, 303)
        assert found == expected
    assert (await app.stored())["app.sessions"] == 2


async def test_only_the_commit_of_a_session_does_not_wait_for_the_disk(
    app: RunningApp, engine: AsyncEngine
) -> None:
    with recorded_statements() as sent:
        assert (await native(app, code=app.native_code())).status_code == 200
    (session,) = [one.sql for one in sent if "set_config" in one.sql]
    assert "INSERT INTO app.sessions" in session
    user_id = (await app.rows("SELECT id FROM app.users"))[0][0]
    shown = text("SHOW synchronous_commit")
    async with engine.connect() as connection:
        # The server of the tests has it off.
        await connection.execute(text("SET synchronous_commit TO on"))
        await connection.commit()
        await Sessions(engine, app.clock).insert(connection, user_id, NewSession("bearer"))
        assert await connection.scalar(shown) == "off"
        await connection.commit()
        assert await connection.scalar(shown) == "on"


async def test_more_scopes_and_a_new_session_in_place_of_the_old_one_take_two_commits_too(
    app: RunningApp,
) -> None:
    browser = await app.browser()
    await browser.sign_in("/signin/google")
    for path in ("/signin/google?scopes=calendar", "/signin/google?purpose=signin"):
        back = await back_from_google(browser, path)
        with counted() as found:
            assert error_of(await browser.get(back)) is None
        assert found["commits"] == 2
    assert await app.stored() == ONE_OF_EACH


async def test_a_session_in_place_of_another_is_one_transaction_without_a_state_too(app: RunningApp) -> None:
    await native(app, code=app.native_code())
    ((user_id,),) = await app.rows("SELECT id FROM app.users")
    sessions = Sessions(app.catflap.services.engine, app.clock)
    token = await sessions.begin(user_id, "cookie")
    replaced = NewSession("cookie", replaces=await sessions.find(token, "cookie"))
    with counted() as found:
        await app.catflap.services.signin.sign_in_with_id_token(
            ConsentRequest("signin", SIGN_IN), id_token(app), completion=Completion(session=replaced)
        )
    assert found["commits"] == 1
    assert await sessions.find(token, "cookie") is None


async def test_a_linked_account_that_did_not_change_takes_one_commit(app: RunningApp) -> None:
    services = app.catflap.services
    user_id, _ = await services.users.get_or_create()
    for expected in (2, 1):
        with counted() as found:
            await services.signin.exchange_code(
                ConsentRequest("link", SIGN_IN, user_id), app.native_code(), redirect_uri=""
            )
        assert found["commits"] == expected


def fail_at(step: str) -> Callable[[str], None]:
    """What a full disk does at a step; a killed process leaves the same behind, but for what is undone."""

    def fail(reached: str) -> None:
        if reached == step:
            raise OSError("no space left on disk")

    return fail


@pytest.mark.parametrize("prepare", [by_redirect, by_popup, natively])
@pytest.mark.parametrize("step", ["keep.begin", "keep.commit", "keep.end"])
async def test_a_known_user_whose_sign_in_fails_between_the_commits_has_no_session_and_tries_again(
    app: RunningApp, prepare: Prepare, step: str
) -> None:
    await (await natively(app, await app.browser()))()
    browser = await app.browser()
    sign_in = await prepare(app, browser)
    with failpoints(fail_at(step)):
        assert (await sign_in()).status_code == 500
    assert await app.stored() == ONE_OF_EACH
    assert await unused_states(app) == (0 if prepare is natively else 1)
    again = await prepare(app, browser)
    assert (await again()).status_code in (200, 303)
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 2}


@pytest.mark.parametrize("prepare", [by_redirect, by_popup, natively])
@pytest.mark.parametrize("step", ["keep.begin", "keep.commit"])
async def test_a_new_user_whose_grant_fails_leaves_nothing_and_a_state_that_still_works(
    app: RunningApp, prepare: Prepare, step: str
) -> None:
    sign_in = await prepare(app, await app.browser())
    with failpoints(fail_at(step)):
        assert (await sign_in()).status_code == 500
    assert await app.stored() == NOTHING
    assert await unused_states(app) == (0 if prepare is natively else 1)


async def test_a_process_that_ends_between_the_commits_of_a_new_user_is_healed_by_the_next_sign_in(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccountLinker, "_undo", _nothing)
    browser = await app.browser()
    with failpoints(fail_at("keep.begin")):
        assert (await (await by_redirect(app, browser))()).status_code == 500
    assert await app.stored() == {**ONE_OF_EACH, "vault.google_tokens": 0}
    assert (await browser.get("/v1/me")).status_code == 401
    # Google has sent its refresh token, so it is asked for another with the consent screen.
    await browser.sign_in()
    assert (await browser.me())["grants"][0]["state"] == "active"
    assert (await app.stored())["app.users"] == 1


async def _nothing(*_: object) -> None:
    """Stands for a process that has ended."""


async def test_of_two_answers_with_one_state_at_once_one_is_accepted(app: RunningApp) -> None:
    browser = await app.browser()
    state, headers = (await popup(browser))["state"], app.page_headers()

    def answer() -> Awaitable[Any]:
        body = {"code": app.popup_code(), "client": "popup", "state": state}
        return browser.send("POST", CODE_PATH, json=body, headers=headers)

    answers = await asyncio.gather(answer(), answer())
    assert sorted(one.status_code for one in answers) == [200, 400]
    assert app.google_was_asked("oauth.token.exchange") == 1
    assert await app.stored() == ONE_OF_EACH


async def test_of_two_answers_with_one_state_in_two_processes_one_is_accepted(app: RunningApp) -> None:
    services = app.catflap.services
    asks = ConsentRequest("signin", SIGN_IN)
    here = services.signin
    there = AuthorizationRequests(services.engine, app.clock)
    begun = await there.create(asks)

    async def accept(requests: Any, code: str) -> SignInResult:
        async with requests.resume(begun.state, [begun.browser_secret]) as pending:
            await both.wait()
            return await here.exchange_code(asks, code, redirect_uri="", completion=Completion(pending))

    both = asyncio.Barrier(2)
    outcomes = await asyncio.gather(
        accept(here, app.native_code()), accept(there, app.native_code()), return_exceptions=True
    )
    assert sum(isinstance(one, StateUsed) for one in outcomes) == 1
    assert (await app.stored())["app.users"] == 1


async def test_two_first_sign_ins_at_once_make_one_user(app: RunningApp) -> None:
    codes = [app.native_code(force_refresh_token=True) for _ in range(6)]
    answers = await asyncio.gather(*(native(app, code=code) for code in codes))
    assert {one.status_code for one in answers} == {200}
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 6}


async def unused_states(app: RunningApp) -> int:
    """How many authorization requests can still be answered."""
    return len(await app.rows("SELECT 1 FROM app.signin_attempts WHERE used_at IS NULL"))
