"""The vault in a running Catflap: sign-in, token API, and security events."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catflap.clock import FixedClock
from catflap.google.risc_stream import RiscStream, ServiceAccount
from catflap.signin import ConsentRequest
from catflap.store.database import Urls
from catflap.store.task_types import AccountKey
from tests.support.app_client import ALICE, RunningApp, running_app

READ = "calendar.events.readonly"
EVENTS = "www.googleapis.com/calendar/v3/calendars/primary/events"


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path) as opened:
        yield opened


async def test_one_sign_in_is_a_token_and_a_call_for_another_back_end(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    user = (await browser.me())["user_id"]
    key = await app.api_key("tokens", "proxy")
    token = await app.client.get(f"/v1/users/{user}/google/token", params={"scopes": READ}, headers=key)
    assert token.status_code == 200 and token.headers["Cache-Control"] == "no-store"
    events = await app.client.get(f"/v1/users/{user}/google/{EVENTS}", headers=key)
    assert events.status_code == 200 and events.json()["kind"] == "calendar#events"
    # A browser's cookie opens neither.
    assert (await browser.get(f"/v1/users/{user}/google/token")).status_code == 401
    assert (await browser.get(f"/v1/users/{user}/google/{EVENTS}")).status_code == 401


async def test_what_google_warns_of_ends_the_session_at_once(app: RunningApp, tmp_path: Path) -> None:
    browser = await app.browser()
    await browser.sign_in()
    user = (await browser.me())["user_id"]
    account = tmp_path / "account.json"
    account.write_text(json.dumps(app.sandbox.add_service_account()))
    services = app.catflap.services
    stream = RiscStream(
        services.http, ServiceAccount.read(account), app.clock, f"{app.sandbox.base_url}/v1beta"
    )
    await stream.register(f"{app.origin}/google/risc")
    assert await stream.status() == "enabled"
    async with asyncio.timeout(30), app.catflap.work(periodic=False):
        assert app.sandbox.send_security_event("tokens-revoked", ALICE)
        while (await browser.get("/v1/me")).status_code != 401:  # noqa: ASYNC110 (only HTTP can tell)
            await asyncio.sleep(0.05)
    (grant,) = await services.vault.grants.of_user(user)
    assert (grant.state, grant.reason) == ("revoked", "tokens_revoked")
    key = await app.api_key("tokens")
    answer = await app.client.get(f"/v1/users/{user}/google/token", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "reconsent_required")
    # Signing in again is the cure.
    await browser.sign_in()
    assert (await app.client.get(f"/v1/users/{user}/google/token", headers=key)).status_code == 200


async def test_calendars_are_read_with_the_tokens_of_two_consents(app: RunningApp) -> None:
    services = app.catflap.services
    user_id, _ = await services.users.get_or_create()
    for scopes in (("openid", READ), ("openid", "calendar.calendarlist.readonly")):
        code = app.native_code(ALICE, scopes, force_refresh_token=True)
        await services.signin.exchange_code(
            ConsentRequest("link", frozenset(), user_id), code, redirect_uri=""
        )
    (grant,) = await services.vault.grants.of_user(user_id)
    assert len(grant.tokens) == 2
    await app.catflap.components.jobs.sync(AccountKey(user_id, grant.account_sub))
    rows = await app.rows("SELECT google_id, synced_at, problem FROM app.calendars")
    assert [(row[0], row[1] is not None, row[2]) for row in rows] == [(ALICE, True, None)]
