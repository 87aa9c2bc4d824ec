"""Sign-in by redirect: one consent gives a session and a grant; nothing is stored of an invalid response."""

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from catflap.clock import FixedClock
from catflap.google.scopes import normalise
from catflap.signin.consent_request import local_path
from catflap.store.database import Urls
from catflap.vault.failpoint import failpoints
from tests.support.app_client import ALICE, BOB, CALENDAR, OTHER_CLIENT_ID, RunningApp, running_app
from tests.support.signin import NOTHING, ONE_OF_EACH, back_from_google, changed, error_of


async def test_one_consent_gives_a_session_and_a_grant(app: RunningApp) -> None:
    browser = await app.browser()
    answer = await browser.sign_in("/signin/google?scopes=calendar&next=/afterwards")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/afterwards")
    me = await browser.me()
    assert me["accounts"][0]["email"] == ALICE
    assert me["grants"][0]["state"] == "active"
    assert me["grants"][0]["missing_scopes"] == []
    assert app.google_was_asked("oauth.token.exchange") == 1
    assert await app.stored() == ONE_OF_EACH


async def test_the_way_to_google_carries_pkce_state_nonce_and_asks_for_lasting_access(
    app: RunningApp,
) -> None:
    browser = await app.browser()
    begun = await browser.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["Location"]).query).items()}
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert len(asked["state"]) == 43 and len(asked["nonce"]) == 64
    assert asked["redirect_uri"] == f"{app.origin}/signin/google/callback"
    assert (asked["access_type"], asked["include_granted_scopes"]) == ("offline", "true")
    assert "prompt" not in asked
    assert normalise(asked["scope"]) == {"openid", "email", "profile", *CALENDAR}
    cookie = begun.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and asked["state"] not in cookie


async def test_a_second_sign_in_shows_no_second_consent_and_keeps_the_grant(app: RunningApp) -> None:
    first, second = await app.browser(), await app.browser()
    await first.sign_in()
    await second.sign_in()
    assert len([page for page in second.seen if 'name="decision"' in page.text]) == 0
    assert (await second.me())["grants"][0]["state"] == "active"
    assert {**await app.stored(), "app.sessions": 1} == ONE_OF_EACH


async def test_without_a_refresh_token_the_person_is_led_through_consent_once_more(app: RunningApp) -> None:
    await (await app.browser()).sign_in()
    await app.rows("DELETE FROM vault.google_tokens")
    browser = await app.browser()
    answer = await browser.sign_in()
    assert error_of(answer) is None
    assert len([page for page in browser.seen if 'name="decision"' in page.text]) == 1
    assert (await browser.me())["grants"][0]["state"] == "active"


async def test_signing_in_without_wanting_anything_else_never_forces_a_consent(app: RunningApp) -> None:
    await (await app.browser()).sign_in("/signin/google")
    await app.rows("DELETE FROM vault.google_tokens")
    browser = await app.browser()
    await browser.sign_in("/signin/google")
    assert len([page for page in browser.seen if 'name="decision"' in page.text]) == 0
    assert (await browser.me())["grants"] == []


async def test_an_unticked_box_signs_in_and_tells_what_is_missing(app: RunningApp) -> None:
    browser = await app.browser()
    answer = await browser.sign_in(untick=["calendar.events.readonly"])
    assert error_of(answer) is None
    grant = (await browser.me())["grants"][0]
    assert grant["missing_scopes"] == ["calendar.events.readonly"]
    assert "calendar.calendarlist.readonly" in grant["scopes"]


async def test_a_replayed_state_is_refused_in_a_browser_that_is_not_signed_in(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    secret = dict(browser.http.cookies)
    assert error_of(await browser.get(back)) is None
    thief = await app.browser()
    thief.http.cookies.update({"catflap_signin": secret["catflap_signin"]})
    assert error_of(await thief.get(back)) == "state_invalid"
    assert {**await app.stored(), "app.sessions": 1} == ONE_OF_EACH


async def test_a_second_click_on_the_same_answer_leads_home_signed_in(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    await browser.get(back)
    again = await browser.get(back)
    assert (again.status_code, again.headers["Location"]) == (303, "/")
    assert (await browser.me())["user_id"]
    assert app.google_was_asked("oauth.token.exchange") == 1


async def test_of_two_clicks_at_the_same_moment_one_redeems_the_code(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    answers = await asyncio.gather(browser.get(back), browser.get(back))
    assert sorted(str(error_of(answer)) for answer in answers) == ["None", "state_invalid"]
    assert app.google_was_asked("oauth.token.exchange") == 1
    assert await app.stored() == ONE_OF_EACH


async def test_the_state_of_another_browser_is_refused_and_still_works_in_its_own(app: RunningApp) -> None:
    mine, other = await app.browser(), await app.browser(BOB)
    back = await back_from_google(mine)
    await other.begin()
    assert error_of(await other.get(back)) == "state_invalid"
    assert await app.stored() == NOTHING
    assert error_of(await mine.get(back)) is None


@pytest.mark.parametrize("state", ["", "made-up", "é", "%00", "a" * 200])
async def test_a_state_we_never_gave_is_refused(app: RunningApp, state: str) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    assert error_of(await browser.get(changed(back, state=state))) == "state_invalid"
    assert await app.stored() == NOTHING


async def test_a_state_older_than_ten_minutes_is_refused(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    app.clock.advance(timedelta(minutes=10))
    assert error_of(await browser.get(back)) == "state_invalid"
    assert await app.stored() == NOTHING


async def test_a_code_with_another_verifier_is_refused(app: RunningApp) -> None:
    mine, other = await app.browser(), await app.browser(BOB)
    stolen = parse_qs(urlsplit(await back_from_google(mine)).query)["code"][0]
    back = changed(await back_from_google(other), code=stolen)
    assert error_of(await other.get(back)) == "code_rejected"
    assert await app.stored() == NOTHING


async def test_a_code_of_another_client_is_refused(app: RunningApp) -> None:
    scopes = ["openid", "email"]
    redirect_uri = f"{app.origin}/signin/google/callback"
    code = app.sandbox.mint_code(ALICE, OTHER_CLIENT_ID, scopes, kind="web", redirect_uri=redirect_uri)
    browser = await app.browser()
    back = changed(await back_from_google(browser), code=code)
    assert error_of(await browser.get(back)) == "code_rejected"
    assert await app.stored() == NOTHING


async def test_a_code_without_our_nonce_is_refused(app: RunningApp) -> None:
    redirect_uri = f"{app.origin}/signin/google/callback"
    code = app.native_code(kind="web", redirect_uri=redirect_uri, nonce="somebody else's")
    browser = await app.browser()
    back = changed(await back_from_google(browser), code=code)
    assert error_of(await browser.get(back)) == "id_token_invalid"
    assert await app.stored() == NOTHING


@pytest.mark.parametrize("iss", ["https://accounts.google.com.evil.example", "", None])
async def test_an_answer_of_another_issuer_or_of_none_is_refused(app: RunningApp, iss: str | None) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    assert error_of(await browser.get(changed(back, iss=iss))) == "iss_invalid"
    assert app.google_was_asked("oauth.token.exchange") == 0
    assert await app.stored() == NOTHING


@pytest.mark.parametrize("name", ["code", "state", "iss", "scope", "error"])
async def test_a_parameter_sent_twice_is_refused(app: RunningApp, name: str) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    answer = await browser.get(f"{changed(back, error='access_denied')}&{name}=again")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert error_of(await browser.get(back)) is None


async def test_unknown_parameters_are_ignored(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    assert error_of(await browser.get(back + "&new_one=1")) is None


async def test_saying_no_stores_nothing(app: RunningApp) -> None:
    browser = await app.browser()
    assert error_of(await browser.sign_in(deny=True)) == "access_denied"
    assert await app.stored() == NOTHING


async def test_an_answer_without_code_or_error_is_refused(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    assert error_of(await browser.get(changed(back, code=None))) == "signin_failed"
    assert await app.stored() == NOTHING


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"drop": "before"}, {"drop": "after"}, {"garbage": True}, {"status": 429}]
)
async def test_google_down_in_the_middle_stores_nothing_and_says_try_again(
    app: RunningApp, fault: dict[str, object]
) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    app.sandbox.fault("oauth.token*", **fault)  # type: ignore[arg-type]
    assert error_of(await browser.get(back)) == "google_unavailable"
    assert await app.stored() == NOTHING
    app.sandbox.lift()
    assert error_of(await browser.sign_in()) is None


async def test_a_vault_that_cannot_keep_the_grant_leaves_no_user_behind(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)

    def full_disk(step: str) -> None:
        if step == "keep.commit":
            raise OSError("no space left")

    with failpoints(full_disk):
        assert (await browser.get(back)).status_code == 500
    assert await app.stored() == NOTHING


async def test_a_code_from_google_that_is_too_long_never_reaches_google(app: RunningApp) -> None:
    browser = await app.browser()
    back = await back_from_google(browser)
    assert error_of(await browser.get(changed(back, code="4/" + "a" * 600))) == "invalid_request"
    assert app.google_was_asked("oauth.token.exchange") == 0


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:1",
        "",
        "x",
    ],
)
async def test_next_to_another_site_becomes_home(app: RunningApp, elsewhere: str) -> None:
    browser = await app.browser()
    answer = await browser.sign_in("/signin/google?" + urlencode({"next": elsewhere}))
    assert answer.headers["Location"] == "/"


def test_next_on_this_site_stays() -> None:
    assert local_path("/a/b?c=d#e") == "/a/b?c=d#e"


async def test_signing_in_rotates_the_session(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    old = browser.http.cookies["catflap_session"]
    await browser.sign_in("/signin/google?purpose=signin")
    assert browser.http.cookies["catflap_session"] != old
    thief = await app.browser()
    thief.http.cookies.set("catflap_session", old)
    assert (await thief.get("/v1/me")).status_code == 401


async def test_signing_out_ends_the_session_and_leaves_the_grant(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    answer = await browser.send("POST", "/signout", data={"csrf_token": browser.csrf}, headers={})
    assert answer.headers["Location"] == "/"
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 0}


async def test_a_signed_in_person_is_asked_for_one_more_scope_and_the_grant_grows(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    session = browser.http.cookies["catflap_session"]
    assert error_of(await browser.sign_in("/signin/google?scopes=drive.appdata&next=/files")) is None
    grant = (await browser.me())["grants"][0]
    assert {"drive.appdata", *CALENDAR} <= set(grant["scopes"])
    assert grant["missing_scopes"] == []
    assert browser.http.cookies["catflap_session"] == session
    assert await app.stored() == ONE_OF_EACH


async def test_more_scopes_asked_of_alice_are_not_taken_from_bob(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    begun = await browser.begin("/signin/google?scopes=drive.appdata")
    as_bob = changed(begun.headers["Location"], login_hint=BOB)
    answer = await browser.get(await browser.at_google(as_bob))
    assert error_of(answer) == "account_mismatch"
    assert await app.stored() == ONE_OF_EACH
    assert "drive.appdata" not in (await browser.me())["grants"][0]["scopes"]


async def test_a_second_account_is_linked_and_signs_nobody_in(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    assert error_of(await browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)) is None
    me = await browser.me()
    shown = [(one["email"], one["primary"], one["signs_in"]) for one in me["accounts"]]
    assert shown == [(ALICE, True, True), (BOB, False, False)]
    assert len(me["grants"]) == 2
    as_bob = await app.browser(BOB)
    await as_bob.sign_in()
    assert (await as_bob.me())["user_id"] != me["user_id"]


async def test_what_was_begun_signed_in_is_not_finished_as_somebody_else(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    back = await back_from_google(browser, "/signin/google?scopes=drive.appdata")
    browser.http.cookies.delete("catflap_session")
    await browser.sign_in(email=BOB)
    assert error_of(await browser.get(back)) == "state_invalid"
    assert "drive.appdata" not in (await browser.me())["grants"][0]["scopes"]


async def test_a_browser_at_localhost_is_led_to_the_name_that_google_knows(app: RunningApp) -> None:
    browser = await app.browser()
    localhost = app.origin.replace("127.0.0.1", "localhost")
    led = await browser.get(f"{localhost}/signin/google?scopes=calendar")
    assert led.headers["Location"] == f"{app.origin}/signin/google?scopes=calendar&by_origin=1"
    assert "set-cookie" not in led.headers
    evil = await browser.get("/signin/google", headers={"Host": "evil.example"})
    assert evil.headers["Location"].startswith(app.sandbox.base_url)


async def test_asking_for_more_needs_a_session(app: RunningApp) -> None:
    browser = await app.browser()
    assert error_of(await browser.begin("/signin/google?purpose=link")) == "unauthenticated"


async def test_a_grant_that_google_refuses_is_given_anew_at_one_screen(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    await app.rows("UPDATE vault.google_tokens SET state = 'reconsent'")
    begun = await browser.begin()
    assert "prompt=consent" in begun.headers["Location"]
    assert error_of(await browser.sign_in()) is None
    assert (await browser.me())["grants"][0]["state"] == "active"


@pytest.mark.parametrize(
    ("chosen", "email", "admitted"),
    [
        ({"allowed_domains": ("cats.test",)}, "mia@cats.test", True),
        ({"allowed_domains": ("cats.test",)}, "rex@dogs.test", False),
        ({"allowed_domains": ("cats.test",)}, ALICE, False),
        ({"allowed_emails": ("Alice@Example.com",)}, ALICE, True),
        ({"allowed_emails": (ALICE,)}, BOB, False),
        ({"allowed_domains": ("cats.test",), "allowed_emails": (ALICE,)}, ALICE, True),
    ],
)
async def test_who_is_not_admitted_leaves_no_trace(
    database_urls: Urls,
    clock: FixedClock,
    tmp_path: Path,
    chosen: dict[str, object],
    email: str,
    admitted: bool,
) -> None:
    async with running_app(database_urls, clock, tmp_path, **chosen) as app:
        browser = await app.browser(email)
        answer = await browser.sign_in()
        assert error_of(answer) == (None if admitted else "not_allowed")
        assert await app.stored() == (ONE_OF_EACH if admitted else NOTHING)
