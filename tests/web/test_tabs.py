"""Several tabs of one browser: each attempt completes, unless somebody else has signed in meanwhile."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest

from tests.support.app_client import ALICE, BOB, CALENDAR, Browser, RunningApp
from tests.support.signin import back_from_google, error_of
from tests.support.signin_codes import CODE_PATH, CREDENTIAL_PATH, id_token, popup

pytestmark = pytest.mark.slow  # starts an application for each test

PATHS = (
    "/signin/google?next=/one",
    "/signin/google?scopes=calendar&next=/two",
    "/signin/google?scopes=drive.appdata&next=/three",
)


async def scopes(browser: Browser) -> set[str]:
    return set((await browser.me())["grants"][0]["scopes"])


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_three_tabs_complete_in_any_order(app: RunningApp, order: tuple[int, ...]) -> None:
    browser = await app.browser()
    backs = [await back_from_google(browser, path) for path in PATHS]
    for index in order:
        answer = await browser.get(backs[index])
        assert answer.headers["Location"] == ("/one", "/two", "/three")[index]
    assert {*CALENDAR, "drive.appdata"} <= await scopes(browser)
    assert app.google_was_asked("oauth.token.exchange") == 3
    assert (await app.stored())["app.users"] == 1


async def test_tabs_that_begin_at_the_same_moment_complete_too(app: RunningApp) -> None:
    """Neither request carries a cookie yet, and the browser keeps the cookie of the last answer."""
    browser = await app.browser()
    begun = await asyncio.gather(*(browser.begin(path) for path in PATHS))
    for one in begun:
        back = await browser.at_google(one.headers["Location"])
        assert error_of(await browser.get(back)) is None
    assert {*CALENDAR, "drive.appdata"} <= await scopes(browser)


@pytest.mark.parametrize("consent_first", [True, False])
async def test_signing_in_and_a_consent_complete_beside_each_other(
    app: RunningApp, consent_first: bool
) -> None:
    browser = await app.browser()
    await browser.sign_in("/signin/google")
    backs = [
        await back_from_google(browser, "/signin/google?purpose=signin"),
        await back_from_google(browser, "/signin/google?scopes=calendar"),
    ]
    for back in reversed(backs) if consent_first else backs:
        assert error_of(await browser.get(back)) is None
    assert set(CALENDAR) <= await scopes(browser)


async def test_the_page_of_the_first_tab_still_works_after_the_second(app: RunningApp) -> None:
    browser = await app.browser()
    one, two = await back_from_google(browser, PATHS[0]), await back_from_google(browser, PATHS[1])
    await browser.get(one)
    browser.csrf = (await browser.me())["csrf_token"]
    await browser.get(two)
    assert (await browser.me())["csrf_token"] == browser.csrf
    assert (await app.stored())["app.sessions"] == 1


async def test_another_persons_answer_is_refused_once_somebody_is_signed_in(app: RunningApp) -> None:
    browser = await app.browser()
    as_alice = await back_from_google(browser)
    as_bob = await back_from_google(browser, email=BOB)
    assert error_of(await browser.get(as_alice)) is None
    stored = await app.stored()
    assert error_of(await browser.get(as_bob)) == "state_invalid"
    assert await app.stored() == stored
    assert (await browser.me())["accounts"][0]["email"] == ALICE
    # A new sign-in of a signed-in browser may change the user.
    assert error_of(await browser.sign_in("/signin/google?purpose=signin", email=BOB)) is None
    assert (await browser.me())["accounts"][0]["email"] == BOB


async def test_an_answer_that_comes_too_late_is_told_also_to_who_is_signed_in(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in("/signin/google")
    late = await back_from_google(browser)
    app.clock.advance(timedelta(minutes=10))
    assert error_of(await browser.get(late)) == "state_invalid"


async def test_a_popup_completes_beside_a_tab_and_another_persons_does_not(app: RunningApp) -> None:
    browser = await app.browser()
    mine, other, button = [await popup(browser) for _ in range(3)]
    await browser.sign_in()
    session = browser.http.cookies["catflap_session"]
    headers = app.page_headers()
    body = {"code": app.popup_code(BOB), "client": "popup", "state": other["state"]}
    refused = await browser.send("POST", CODE_PATH, json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "state_invalid")
    assert (await app.stored())["app.users"] == 1
    body = {"code": app.popup_code(), "client": "popup", "state": mine["state"]}
    answer = await browser.send("POST", CODE_PATH, json=body, headers=headers)
    assert answer.json()["csrf_token"] == (await browser.me())["csrf_token"]
    body = {"credential": id_token(app, nonce=button["nonce"]), "state": button["state"]}
    assert (await browser.send("POST", CREDENTIAL_PATH, json=body, headers=headers)).status_code == 200
    assert browser.http.cookies["catflap_session"] == session


@pytest.mark.parametrize(
    "fault", ["refused", "google down", "no openid", "broken body", "other browser", "cut off"]
)
async def test_after_a_failed_click_the_next_one_works_with_the_same_state(
    app: RunningApp, fault: str
) -> None:
    browser = await app.browser()
    state = (await popup(browser))["state"]
    headers, body = app.page_headers(), {"client": "popup", "state": state}
    if fault == "google down":
        app.sandbox.fault("oauth.token*", status=503, times=1)
    if fault == "cut off":
        app.sandbox.fault("oauth.token*", drop="before", times=1)
    code = "4/0Agone" if fault == "refused" else app.popup_code()
    sender = await app.browser(BOB) if fault == "other browser" else browser
    if fault == "no openid":
        body["code"] = app.popup_code(scopes=CALENDAR)
    else:
        body["code"] = "a b" if fault == "broken body" else code
    failed = await sender.send("POST", CODE_PATH, json=body, headers=headers)
    assert failed.is_error
    body["code"] = app.popup_code(force_refresh_token=True)
    again = await browser.send("POST", CODE_PATH, json=body, headers=headers)
    assert again.status_code == 200, again.text
    replayed = await browser.send("POST", CODE_PATH, json=body | {"code": app.popup_code()}, headers=headers)
    assert (replayed.status_code, replayed.json()["code"]) == (400, "state_invalid")


async def test_a_state_that_failed_stays_bound_to_its_browser_and_its_ten_minutes(app: RunningApp) -> None:
    browser, thief = await app.browser(), await app.browser(BOB)
    state = (await popup(browser))["state"]
    body, headers = {"client": "popup", "state": state}, app.page_headers()
    await browser.send("POST", CODE_PATH, json=body | {"code": "4/0Agone"}, headers=headers)
    await popup(thief)
    stolen = await thief.send("POST", CODE_PATH, json=body | {"code": app.popup_code(BOB)}, headers=headers)
    assert stolen.json()["code"] == "state_invalid"
    app.clock.advance(timedelta(minutes=10))
    late = await browser.send("POST", CODE_PATH, json=body | {"code": app.popup_code()}, headers=headers)
    assert late.json()["code"] == "state_invalid"
    fresh = (await popup(browser))["state"]
    body = {"client": "popup", "state": fresh, "code": app.popup_code()}
    assert (await browser.send("POST", CODE_PATH, json=body, headers=headers)).status_code == 200


async def test_of_two_codes_for_one_state_at_the_same_moment_one_is_taken(app: RunningApp) -> None:
    browser = await app.browser()
    state = (await popup(browser))["state"]
    bodies = [{"client": "popup", "state": state, "code": app.popup_code()} for _ in range(3)]
    headers = app.page_headers()
    answers = await asyncio.gather(
        *(browser.send("POST", CODE_PATH, json=body, headers=headers) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
