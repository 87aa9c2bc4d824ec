"""A changed GOOGLE_CLIENT_ID is reported, and no grant is lost when it is changed back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.app import Application, open_catflap
from catflap.clock import FixedClock
from catflap.store.database import Urls
from catflap.vault.maintenance import Maintenance
from tests.support.app_client import ALICE, CALENDAR, OTHER_CLIENT_ID, RunningApp, running_app

NEW = OTHER_CLIENT_ID


@pytest.fixture
async def catflap(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    """All of Catflap, with its first OAuth client."""
    async with running_app(database_urls, clock, tmp_path) as opened:
        yield opened


class Person:
    """A user of an app with its own login."""

    def __init__(
        self, catflap: RunningApp, user_id: int, bearer: dict[str, str], key: dict[str, str]
    ) -> None:
        self.catflap, self.user_id, self.bearer, self.key = catflap, user_id, bearer, key

    async def grants(self, http: httpx2.AsyncClient) -> list[tuple[str, str | None]]:
        found = (await http.get("/v1/grants", headers=self.bearer)).json()["grants"]
        return [(one["state"], one["reason"]) for one in found]

    async def token(self, http: httpx2.AsyncClient) -> tuple[int, dict[str, Any]]:
        await self.catflap.rows("UPDATE vault.google_tokens SET expires_at = created_at")
        answer = await http.get(f"/v1/users/{self.user_id}/google/token", headers=self.key)
        return answer.status_code, answer.json()

    async def grant_consent(self, http: httpx2.AsyncClient, client_id: str) -> None:
        scopes = ["openid", *(f"https://www.googleapis.com/auth/{name}" for name in CALENDAR)]
        code = self.catflap.sandbox.mint_code(
            ALICE, client_id, scopes, kind="native", force_refresh_token=True
        )
        body = {"userId": self.user_id, "authCode": code}
        answer = await http.post("/app/google-calendar/tokens", json=body, headers=self.bearer)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def person(catflap: RunningApp) -> Person:
    user_id, _ = await catflap.catflap.services.users.get_or_create()
    found = Person(catflap, user_id, await catflap.bearer_of(user_id), await catflap.api_key("tokens"))
    await found.grant_consent(catflap.client, catflap.catflap.services.settings.google_client_id)
    return found


@asynccontextmanager
async def _started(catflap: RunningApp, client_id: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A start on the same database, with another OAuth client if one is given."""
    settings = catflap.catflap.services.settings
    if client_id is not None:
        settings = settings.model_copy(update={"google_client_id": client_id})
    async with (
        open_catflap(settings, catflap.clock) as opened,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(opened.web), base_url=catflap.origin) as http,
    ):
        yield http


async def test_another_client_is_reported_by_log_page_and_token_api(
    catflap: RunningApp, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    since = catflap.clock.now()
    capsys.readouterr()
    for _ in range(2):
        async with _started(catflap, NEW) as http:
            said = "".join(capsys.readouterr())
            assert said.count("grants_client_changed") == 1 and "grants=1" in said
            assert await person.grants(http) == [("reconsent", "client_changed")]
            status, problem = await person.token(http)
            assert (status, problem["code"], problem["reason"]) == (
                409,
                "reconsent_required",
                "client_changed",
            )
            assert problem["since"] == since.isoformat().replace("+00:00", "Z")
            assert set(problem["consent"]["scopes"]) >= set(CALENDAR)
        catflap.clock.advance(timedelta(days=1))


async def test_changing_back_needs_no_consent(
    catflap: RunningApp, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _started(catflap, NEW):
        pass
    capsys.readouterr()
    async with _started(catflap) as http:
        assert "grants_client_restored" in "".join(capsys.readouterr())
        assert await person.grants(http) == [("active", None)]
        assert (await person.token(http))[0] == 200


async def test_a_process_with_the_right_client_is_not_stopped_by_one_with_the_wrong_one(
    catflap: RunningApp, person: Person
) -> None:
    async with _started(catflap, NEW) as http:
        assert (await person.token(http))[0] == 409
        assert await person.grants(catflap.client) == [("active", None)]
        assert (await person.token(catflap.client))[0] == 200


async def test_after_a_new_consent_both_clients_work_in_turn(
    catflap: RunningApp, person: Person, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _started(catflap, NEW) as http:
        await person.grant_consent(http, NEW)
        assert await person.grants(http) == [("active", None)]
        assert (await person.token(http))[0] == 200
    async with _started(catflap) as http:
        assert await person.grants(http) == [("active", None)]
        assert (await person.token(http))[0] == 200
    capsys.readouterr()
    async with _started(catflap, NEW) as http:
        # Nobody waits for a consent, so there is nothing to warn of.
        assert "grants_client_changed" not in "".join(capsys.readouterr())
        assert (await person.token(http))[0] == 200


async def test_tokens_of_the_former_client_are_forgotten_like_any_that_are_over(
    catflap: RunningApp, person: Person, clock: FixedClock
) -> None:
    settings = catflap.catflap.services.settings.model_copy(update={"google_client_id": NEW})
    async with open_catflap(settings, clock) as opened:
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(opened.web), base_url=catflap.origin)
        async with http:
            await person.grant_consent(http, NEW)
            clock.advance(timedelta(days=31))
            await _maintenance(opened).tick()
            rows = await catflap.rows(
                "SELECT client_id FROM vault.google_tokens WHERE refresh_token IS NOT NULL"
            )
            assert [row[0] for row in rows] == [NEW]
            person.bearer = await catflap.bearer_of(person.user_id)
            assert await person.grants(http) == [("active", None)]
            assert (await person.token(http))[0] == 200


async def test_both_changes_are_sent_to_webhooks(catflap: RunningApp, person: Person) -> None:
    await catflap.rows(
        "INSERT INTO vault.webhooks (url, secret, events, created_at) VALUES "
        "('https://x.example', '\\x', '{grant.reconsent,grant.active}', now())"
    )
    await catflap.rows("UPDATE vault.webhooks SET secret = (SELECT refresh_token FROM vault.google_tokens)")
    for client_id in (NEW, None):
        async with _started(catflap, client_id):
            pass
    rows = await catflap.rows("SELECT event, payload #>> '{data,reason}' FROM vault.webhook_deliveries")
    assert {tuple(row) for row in rows} == {("grant.reconsent", "client_changed"), ("grant.active", None)}


def _maintenance(opened: Application) -> Maintenance:
    services = opened.services
    changes = opened.components.vault.calendar_changed
    return Maintenance(
        services.vault, services.webhooks, services.security_event_handler, changes, services.clock
    )
