"""People with several Google accounts can choose: `prompt=select_account`, in links, popups and consents."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import ALICE, BOB, RunningApp, running_app
from tests.support.backend import RETURN_TO
from tests.support.signin import error_of
from tests.support.signin_codes import popup

pytestmark = pytest.mark.slow  # starts an application for each test


def sent(begun: httpx2.Response) -> dict[str, str]:
    """The parameters of the request to Google."""
    query = parse_qs(urlsplit(begun.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("select_account", {"select_account"}),
        ("consent", {"consent"}),
        ("consent+select_account", {"consent", "select_account"}),
        ("select_account%20consent", {"consent", "select_account"}),
        ("select_account,consent,consent", {"consent", "select_account"}),
        ("", set()),
    ],
)
async def test_what_is_prompted_for_is_sent_to_google(app: RunningApp, prompt: str, words: set[str]) -> None:
    begun = await (await app.browser()).begin(f"/signin/google?scopes=calendar&prompt={prompt}")
    assert set(sent(begun).get("prompt", "").split()) == words
    assert ("prompt" in sent(begun)) == bool(words)


@pytest.mark.parametrize("prompt", ["none", "none+consent", "login", "Consent", "x" * 90])
@pytest.mark.parametrize("path", ["/signin/google", "/signin/google/popup"])
async def test_another_prompt_is_refused_with_what_to_send(app: RunningApp, path: str, prompt: str) -> None:
    answer = await app.client.get(f"{path}?prompt={prompt}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "select_account" in answer.json()["detail"]


async def test_a_known_person_chooses_another_account(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    assert (await browser.me())["accounts"][0]["email"] == ALICE
    path = "/signin/google?scopes=calendar&purpose=signin&prompt=select_account"
    assert error_of(await browser.sign_in(path, email=BOB)) is None
    assert (await browser.me())["accounts"][0]["email"] == BOB


async def test_adding_an_account_offers_the_choice_by_itself(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    begun = await browser.begin("/signin/google?scopes=calendar&purpose=link")
    assert sent(begun)["prompt"] == "select_account"
    bob = app.sandbox.account(BOB).sub
    named = await browser.begin(f"/signin/google?scopes=calendar&purpose=link&account={bob}")
    assert "prompt" not in sent(named) and sent(named)["login_hint"] == bob


async def test_the_popup_passes_the_wish_on(app: RunningApp) -> None:
    browser = await app.browser()
    assert (await popup(browser))["select_account"] is False
    assert (await popup(browser, "scopes=calendar&prompt=select_account"))["select_account"] is True
    refused = await browser.get("/signin/google/popup?prompt=consent")
    assert (refused.status_code, "/signin/google" in refused.json()["detail"]) == (400, True)


async def test_a_consent_link_passes_the_wish_on(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, return_urls=(RETURN_TO,)) as shop:
        key = await shop.api_key("users")
        user_id = (await shop.client.post("/v1/users", json={}, headers=key)).json()["id"]
        path = f"/v1/users/{user_id}/consents"
        alice = shop.sandbox.account(ALICE).sub
        for wish, words in (
            ({}, {"consent", "select_account"}),
            ({"purpose": "link", "account": alice}, {"consent"}),
            (
                {"purpose": "link", "account": alice, "prompt": "select_account"},
                {"consent", "select_account"},
            ),
        ):
            body = {"scopes": "calendar", "return_to": RETURN_TO, **wish}
            made = await shop.client.post(path, json=body, headers=key)
            begun = await (await shop.browser()).get(made.json()["url"])
            assert set(sent(begun)["prompt"].split()) == words
        body = {"scopes": "calendar", "return_to": RETURN_TO, "prompt": "none"}
        assert (await shop.client.post(path, json=body, headers=key)).status_code == 400


async def test_the_page_offers_another_account(app: RunningApp) -> None:
    browser = await app.browser()
    for path in ("/", "/signin/window"):
        assert "prompt=select_account" in (await browser.get(path)).text
    await browser.sign_in("/signin/google")
    page = (await browser.get("/")).text
    assert "purpose=signin&prompt=select_account" in page.replace("&amp;", "&")
