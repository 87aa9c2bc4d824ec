"""A user's data over the API: read, exported, revoked and erased, only by that user."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from catflap.signin.export import export
from catflap.signin.sessions import ABSOLUTE, IDLE
from catflap.store.tables import metadata
from tests.support.app_client import ALICE, BOB, Browser, RunningApp, running_app
from tests.support.signin import NOTHING, ONE_OF_EACH

UNSAFE = [
    ("DELETE", "/v1/me"),
    ("DELETE", "/v1/grants/1"),
    ("DELETE", "/v1/sessions"),
    ("DELETE", "/v1/sessions/1"),
    ("PUT", "/v1/accounts/1/primary"),
    ("POST", "/signout"),
    ("PUT", "/v1/preferences"),
    ("POST", "/v1/devices"),
    ("POST", "/v1/calendars/primary/events"),
    ("PATCH", "/v1/calendars/primary/events/abcde"),
    ("DELETE", "/v1/calendars/primary/events/abcde"),
]


async def signed_in(app: RunningApp, email: str = ALICE) -> Browser:
    browser = await app.browser(email)
    await browser.sign_in()
    return browser


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_nothing_unsafe_happens_without_the_csrf_token(app: RunningApp, method: str, path: str) -> None:
    browser = await signed_in(app)
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}):
        answer = await browser.http.request(method, app.origin + path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert await app.stored() == ONE_OF_EACH


async def test_the_csrf_token_of_another_session_does_not_count(app: RunningApp) -> None:
    alice, bob = await signed_in(app), await signed_in(app, BOB)
    answer = await alice.send("DELETE", "/v1/me", headers={"X-CSRF-Token": bob.csrf})
    assert answer.json()["code"] == "csrf"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *UNSAFE[:5],
        ("GET", "/v1/me"),
        ("GET", "/v1/me/export"),
        ("GET", "/v1/grants"),
        ("GET", "/v1/sessions"),
    ],
)
async def test_strangers_are_told_to_sign_in(app: RunningApp, method: str, path: str) -> None:
    answer = await app.client.request(method, path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_taking_a_grant_back_revokes_it_at_google_and_forgets_what_was_read(app: RunningApp) -> None:
    browser = await signed_in(app)
    grant = (await browser.get("/v1/grants")).json()["grants"][0]
    assert (grant["email"], grant["state"]) == (ALICE, "active")
    assert (await browser.send("DELETE", f"/v1/grants/{grant['id']}")).status_code == 204
    assert app.google_was_asked("oauth.revoke") == 1
    assert (await browser.get("/v1/grants")).json() == {"grants": []}
    assert (await browser.me())["accounts"][0]["email"] == ALICE
    assert await app.stored() == {**ONE_OF_EACH, "vault.google_tokens": 0}


async def test_when_google_is_away_a_grant_ends_here_and_google_is_told_later(app: RunningApp) -> None:
    browser = await signed_in(app)
    grant = (await browser.get("/v1/grants")).json()["grants"][0]
    app.sandbox.fault("oauth.revoke", status=503)
    answer = await browser.send("DELETE", f"/v1/grants/{grant['id']}")
    assert (answer.status_code, answer.content) == (202, b"")
    (left,) = (await browser.get("/v1/grants")).json()["grants"]
    assert (left["state"], left["reason"]) == ("revoked", "user")
    app.sandbox.lift()
    await app.catflap.services.revocation.finish(left["id"])
    assert (await browser.get("/v1/grants")).json() == {"grants": []}


async def test_a_grant_says_what_reading_the_calendar_still_needs(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in("/signin/google?scopes=drive.file")
    (grant,) = (await browser.get("/v1/grants")).json()["grants"]
    assert grant["missing_scopes"] == []
    needed = ["calendar.calendarlist.readonly", "calendar.events.readonly"]
    assert grant["missing_for_calendar"] == needed
    await browser.sign_in("/signin/google?scopes=calendar")
    (grant,) = (await browser.get("/v1/grants")).json()["grants"]
    assert grant["missing_for_calendar"] == []


async def test_the_page_goes_on_with_a_linked_account_when_that_which_signs_in_was_disconnected(
    app: RunningApp,
) -> None:
    browser = await signed_in(app)
    await browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)
    own, linked = (await browser.get("/v1/grants")).json()["grants"]
    for grant, speaks in ((own, "true"), (linked, "false")):
        assert (await browser.send("DELETE", f"/v1/grants/{grant['id']}")).status_code == 204
        page = (await browser.get("/")).text
        assert f'"speaks": {speaks}' in page
        assert ("<h2>Mia can&#39;t see your calendar</h2>" in page) == (speaks == "false")


async def test_taking_back_a_linked_account_forgets_the_account(app: RunningApp) -> None:
    browser = await signed_in(app)
    await browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)
    linked = (await browser.get("/v1/grants")).json()["grants"][1]
    sub = app.sandbox.account(BOB).sub
    assert (await browser.send("PUT", f"/v1/accounts/{sub}/primary")).status_code == 204
    assert [one["primary"] for one in (await browser.me())["accounts"]] == [True, False]
    assert (await browser.me())["accounts"][0]["email"] == BOB
    assert (await browser.send("DELETE", f"/v1/grants/{linked['id']}")).status_code == 204
    shown = [(one["email"], one["primary"]) for one in (await browser.me())["accounts"]]
    assert shown == [(ALICE, True)]


async def test_nobody_takes_back_or_sees_what_is_anothers(app: RunningApp) -> None:
    alice, bob = await signed_in(app), await signed_in(app, BOB)
    grant = (await alice.get("/v1/grants")).json()["grants"][0]
    session = (await alice.get("/v1/sessions")).json()["sessions"][0]
    sub = app.sandbox.account(ALICE).sub
    for path in (f"/v1/grants/{grant['id']}", f"/v1/sessions/{session['id']}"):
        assert (await bob.send("DELETE", path)).status_code == 404
    assert (await bob.send("PUT", f"/v1/accounts/{sub}/primary")).status_code == 404
    assert ALICE not in (await bob.get("/v1/me/export")).text
    assert (await alice.me())["grants"][0]["state"] == "active"


async def test_deleting_me_erases_everything_and_revokes_at_google(app: RunningApp) -> None:
    browser, other = await signed_in(app), await signed_in(app, BOB)
    await browser.send("POST", "/v1/devices", json={"browser": True})
    user_id, sub = (await browser.me())["user_id"], app.sandbox.account(ALICE).sub
    audit = app.catflap.services.audit
    audit.note("token", user_id=user_id, account_sub=sub)
    audit.note("risc.sessions-revoked", account_sub=sub)
    await audit.write()
    audit.note("token", user_id=user_id)
    assert (await browser.send("DELETE", "/v1/me")).status_code == 204
    assert await app.rows("SELECT * FROM app.audit") == []
    assert app.google_was_asked("oauth.revoke") == 1
    assert (await browser.get("/v1/me")).status_code == 401
    assert await app.stored() == ONE_OF_EACH
    dump = await app.dump()
    assert ALICE not in dump and app.sandbox.account(ALICE).sub not in dump.replace("sync", "")
    assert (await other.me())["grants"][0]["state"] == "active"


async def test_deleting_me_waits_until_google_has_confirmed(app: RunningApp) -> None:
    browser = await signed_in(app)
    await browser.send("POST", "/v1/devices", json={"browser": True})
    app.sandbox.fault("oauth.revoke", status=503)
    answer = await browser.send("DELETE", "/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (503, "google_unavailable")
    assert len((await browser.get("/v1/devices")).json()["devices"]) == 1
    app.sandbox.lift()
    assert (await browser.send("DELETE", "/v1/me")).status_code == 204
    assert await app.stored() == NOTHING


async def test_the_export_holds_what_is_known_and_no_credential(app: RunningApp) -> None:
    browser = await signed_in(app)
    answer = await browser.get("/v1/me/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    found = answer.json()
    assert found["accounts"][0]["email"] == ALICE
    assert found["grants"][0]["state"] == "active"
    assert found["sessions"][0]["user_agent"] == "Firefox (Linux)"
    for name in ("token", "hash", "secret", "verifier"):
        assert not [key for table in found.values() if isinstance(table, list) for row in table for key in row
                    if name in key]  # fmt: skip


async def test_every_table_about_people_is_in_the_export(app: RunningApp) -> None:
    """Fill a row into each table that hangs on a user, and find it again."""
    browser = await signed_in(app)
    services, user_id = app.catflap.services, (await browser.me())["user_id"]
    found = await export(services.engine, services.clock, services.vault.grants, user_id)
    hanging = {table.name for table in metadata.tables.values() if table.schema == "app" and _hangs(table)}
    assert hanging <= set(found), "these tables about people are not exported"


async def test_sessions_are_listed_and_each_can_be_ended(app: RunningApp) -> None:
    here, there = await signed_in(app), await signed_in(app)
    sessions = (await here.get("/v1/sessions")).json()["sessions"]
    assert [one["current"] for one in sessions].count(True) == 1 and len(sessions) == 2
    other = next(one["id"] for one in sessions if not one["current"])
    assert (await here.send("DELETE", f"/v1/sessions/{other}")).status_code == 204
    assert (await there.get("/v1/me")).status_code == 401
    assert (await here.get("/v1/me")).status_code == 200


async def test_signing_out_everywhere_else_leaves_this_one(app: RunningApp) -> None:
    here, there = await signed_in(app), await signed_in(app)
    assert (await here.send("DELETE", "/v1/sessions")).status_code == 204
    assert (await there.get("/v1/me")).status_code == 401
    assert (await here.get("/v1/me")).status_code == 200


async def test_a_session_ends_when_it_lies_idle(app: RunningApp) -> None:
    browser = await signed_in(app)
    app.clock.advance(IDLE - timedelta(minutes=1))
    assert (await browser.get("/v1/me")).status_code == 200
    app.clock.advance(IDLE)
    assert (await browser.get("/v1/me")).status_code == 401


async def test_a_session_ends_at_last_however_busy_it_is(app: RunningApp) -> None:
    browser, lived = await signed_in(app), timedelta(0)
    while lived < ABSOLUTE:
        assert (await browser.get("/v1/me")).status_code == 200
        app.clock.advance(timedelta(days=9))
        lived += timedelta(days=9)
    assert (await browser.get("/v1/me")).status_code == 401


async def test_sessions_are_stored_as_hashes_only(app: RunningApp) -> None:
    browser = await signed_in(app)
    assert browser.http.cookies["catflap_session"] not in await app.dump()


async def test_over_https_cookies_carry_the_host_prefix_and_hsts_is_said(
    database_urls: Any, clock: Any, tmp_path: Any
) -> None:
    from_outside = "https://catflap.example.com"
    async with running_app(database_urls, clock, tmp_path, public_url=from_outside) as app:
        answer = await app.client.get("/signin/google")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-catflap_signin=")
        assert "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        code = app.native_code(kind="popup", redirect_uri=app.origin)
        headers = {"Origin": from_outside, "X-Requested-With": "XMLHttpRequest"}
        body = {"code": code, "client": "popup"}
        signed = await app.client.post("/signin/google/code", json=body, headers=headers)
        assert signed.headers["Set-Cookie"].startswith("__Host-catflap_session=")


@pytest.mark.parametrize(
    "path", ["/", "/signin/google", "/signin/google/callback?state=x", "/v1/me", "/storeauthcode", "/nowhere"]
)
async def test_every_answer_tells_browsers_what_to_refuse(app: RunningApp, path: str) -> None:
    answer = await app.client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_each_answer_has_a_nonce_of_its_own(app: RunningApp) -> None:
    policies = {(await app.client.get("/")).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def _hangs(table: Table) -> bool:
    """Whether rows belong to a user, through other tables perhaps; sounds are shared by equal texts."""
    owners = [key.column.table for key in table.foreign_keys if key.column.table is not table]
    return table.name == "users" or any(map(_hangs, owners))
