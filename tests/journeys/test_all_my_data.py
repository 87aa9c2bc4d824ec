"""A person looks at everything held about them, takes it home, and has it all deleted, in Chromium.

The app, the sandbox and PostgreSQL are real; only the clock is not.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from catflap.errors import UserMustAct
from catflap.store.tables import metadata
from tests.support.app_client import ALICE, BOB, RunningApp
from tests.support.chromium import strict_page
from tests.support.jobs import run_jobs

pytestmark = [pytest.mark.slow, pytest.mark.browser]
TITLE = "Dentist <b>with</b> Mia"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with strict_page() as opened:
        yield opened


def insert_event(app: RunningApp, email: str, title: str) -> None:
    start = app.clock.now() + timedelta(hours=2)
    times = {"start": start, "end": start + timedelta(minutes=30)}
    moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
    app.sandbox.insert_event(email, {"summary": title, **moments})


async def me(page: Page, app: RunningApp) -> dict[str, Any]:
    found: dict[str, Any] = await (await page.request.get(f"{app.origin}/v1/me")).json()
    return found


async def rows_about(app: RunningApp, user_id: int) -> dict[str, int]:
    """How many rows each table has of a user; those without any are left out."""
    counts = {}
    for table in metadata.sorted_tables:
        column = "id" if table.name == "users" else "user_id"
        if column in table.c and (table.name == "users" or "user_id" in table.c):
            (row,) = await app.rows(f"SELECT count(*) FROM {table.fullname} WHERE {column} = $1", user_id)
            counts[table.fullname] = row[0]
    return {name: count for name, count in counts.items() if count}


async def refreshed(app: RunningApp, refresh_token: str) -> str:
    """What Google answers to a refresh: the error, or nothing."""
    client = app.catflap.services.settings.google_client()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret.get_secret_value(),
    }
    answer = await app.catflap.services.http.post(f"{app.sandbox.base_url}/token", data=form)
    return str(answer.json().get("error", ""))


async def test_what_is_missing_is_granted_and_a_yes_is_said_again_with_one_click(
    page: Page, app: RunningApp
) -> None:
    await page.goto(f"{app.origin}/google")
    await page.get_by_role("link", name="Sign in with Google").click()
    await page.click(f'button[name="email"][value="{ALICE}"]')
    await page.uncheck('input[name="scope"][value$="calendar.events.readonly"]')
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/google")
    card = page.get_by_role("article", name=ALICE)
    await expect(card.locator(".missing")).to_have_text("read your appointments")
    await card.get_by_role("link", name="Allow the calendar").click()
    await page.get_by_role("button", name="Deny", exact=True).click()
    await page.wait_for_url(f"{app.origin}/google?error=access_denied")
    await card.get_by_role("link", name="Allow the calendar").click()
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/google")
    await expect(card.locator(".allowed")).to_contain_text("read your appointments")
    await expect(card.locator(".missing")).to_have_count(0)

    services, user_id = app.catflap.services, (await me(page, app))["user_id"]
    app.sandbox.revoke_access(ALICE)
    app.clock.advance(timedelta(hours=2))
    with pytest.raises(UserMustAct, match="reconsent_required"):
        await services.vault.access_token(user_id)
    await page.reload()
    await card.get_by_role("link", name="Say yes again").click()
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/google")
    await expect(card.get_by_role("link")).to_have_count(0)
    assert (await me(page, app))["grants"][0]["state"] == "active"


async def test_a_person_takes_everything_home_and_has_it_all_deleted(
    page: Page, app: RunningApp, tmp_path: Path
) -> None:
    insert_event(app, ALICE, TITLE)
    insert_event(app, BOB, "Bob's own")
    bob = await app.browser(BOB)
    await bob.sign_in()
    await page.goto(app.origin)
    await page.get_by_role("link", name="Sign in with Google").click()
    await page.click(f'button[name="email"][value="{ALICE}"]')
    await page.get_by_role("button", name="Allow", exact=True).click()
    await page.wait_for_url(f"{app.origin}/*")
    await run_jobs(app)
    services, sub = app.catflap.services, app.sandbox.account(ALICE).sub
    user_id = (await me(page, app))["user_id"]
    grant = await services.grants.exact(user_id, sub)
    assert grant is not None
    refresh_token = services.grants.open_refresh_token(grant)
    assert refresh_token is not None and await refreshed(app, refresh_token) == ""

    await page.get_by_role("link", name="Privacy").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download everything (JSON)").click()
    await (await downloading.value).save_as(tmp_path / "mine.json")
    mine = json.loads((tmp_path / "mine.json").read_text())
    assert [one["resource"]["summary"] for one in mine["events"]] == [TITLE]
    assert (mine["accounts"][0]["email"], mine["grants"][0]["state"]) == (ALICE, "active")
    assert refresh_token not in json.dumps(mine) and BOB not in json.dumps(mine)

    app.sandbox.fault("oauth.revoke", status=503)
    await page.get_by_role("button", name="Delete everything").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(f"To be sure, type {ALICE}").fill(ALICE)
    await dialog.get_by_role("button", name="Delete everything").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Google doesn't answer just now.")
    assert (await rows_about(app, user_id))["app.users"] == 1
    app.sandbox.lift()
    await dialog.get_by_role("button", name="Delete everything").click()
    await expect(page.get_by_text("The flap is always open.")).to_be_visible()
    await expect(page.get_by_role("link", name="Sign in with Google")).to_be_visible()

    assert await refreshed(app, refresh_token) == "invalid_grant"
    await run_jobs(app)
    assert await rows_about(app, user_id) == {}
    dump = await app.dump()
    assert not [secret for secret in (ALICE, sub, "Dentist") if secret in dump]
    assert "Bob's own" in dump and (await bob.me())["grants"][0]["state"] == "active"
    assert await page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('catflap.'))") == []
