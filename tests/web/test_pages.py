"""The page as it is served, before any script runs."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from catflap.web.routes.pages import Viewer
from tests.support.fake_api import open_fake_api
from tests.support.fake_state import ALICE, FakeApi


@pytest.fixture
async def catflap() -> AsyncIterator[FakeApi]:
    async with open_fake_api(FakeApi()) as opened:
        yield opened


async def read(catflap: FakeApi, path: str = "/", language: str = "en") -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.get(catflap.url + path, headers={"Accept-Language": language})


async def test_signed_out_there_is_one_way_in(catflap: FakeApi) -> None:
    catflap.viewer = None
    page = (await read(catflap)).text
    assert 'href="/signin/google?scopes=calendar&amp;next=%2F"' in page
    assert "Sign in with Google" in page
    # The one script forgets what earlier visitors left in this browser.
    assert page.count("<script") == page.count('/page/signed_out.js"') == 1


async def test_nobody_stores_the_page(catflap: FakeApi) -> None:
    page = await read(catflap)
    assert page.headers["cache-control"] == "no-store"
    assert "Accept-Language" in page.headers["vary"]


@pytest.mark.parametrize("path", ["/", "/when", "/offline", "/manifest.webmanifest", "/static/page/page.css"])
async def test_programs_that_look_after_links_ask_for_the_head_alone(catflap: FakeApi, path: str) -> None:
    whole = await read(catflap, path)
    async with httpx2.AsyncClient() as client:
        head = await client.head(catflap.url + path, headers={"Accept-Language": "en"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]


async def test_an_error_in_the_address_becomes_a_sentence_of_ours(catflap: FakeApi) -> None:
    catflap.viewer = None
    assert "You said no; nothing was stored." in (await read(catflap, "/?error=access_denied")).text


async def test_a_strange_error_in_the_address_is_never_shown(catflap: FakeApi) -> None:
    catflap.viewer = None
    page = (await read(catflap, "/?error=%3Cimg%20src=x%20onerror=alert(1)%3E&lang=%22%3E%3Cb%3E")).text
    assert "onerror" not in page
    assert "Signing in didn&#39;t work." in page


async def test_a_japanese_reader_gets_a_japanese_page(catflap: FakeApi) -> None:
    catflap.viewer = None
    page = await read(catflap, language="ja-JP,en;q=0.5")
    assert '<html lang="ja">' in page.text
    assert "Google でログイン" in page.text
    assert page.headers["content-language"] == "ja"


async def test_a_language_chosen_by_hand_survives_the_consent(catflap: FakeApi) -> None:
    catflap.viewer = None
    assert "next=%2F%3Flang%3Dja" in (await read(catflap, "/?lang=ja")).text


async def test_a_hostile_name_is_text(catflap: FakeApi) -> None:
    catflap.viewer = replace(ALICE, name="</script><script>alert(1)</script>", csrf_token="</script>")
    page = (await read(catflap)).text
    assert "<script>alert(1)" not in page
    assert '"csrf": "\\u003c/script\\u003e"' in page


async def test_everything_inline_carries_the_nonce(catflap: FakeApi) -> None:
    page = await read(catflap)
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"]))
    assert page.text.count("<script") == page.text.count(f'nonce="{nonce}"') == 2
    assert "<style" not in page.text
    assert "style=" not in page.text


async def test_without_the_calendar_there_is_one_button_to_allow_it(catflap: FakeApi) -> None:
    catflap.viewer = replace(ALICE, missing_scopes=("https://www.googleapis.com/auth/calendar.readonly",))
    page = (await read(catflap)).text
    assert "Allow the calendar" in page
    assert 'id="say-next"' not in page


async def test_a_dead_grant_asks_for_the_yes_again_and_mia_stays(catflap: FakeApi) -> None:
    catflap.viewer = replace(ALICE, grant_state="reconsent")
    page = (await read(catflap)).text
    assert "Say yes again" in page
    assert 'id="say-next"' in page


@pytest.mark.parametrize(
    ("name", "email", "initials"),
    [
        ("Calico Cat", "a@example.com", "CC"),
        ("Mia", "m@example.com", "M"),
        ("山田 花子", "h@example.com", "山花"),
        ("A. B. C.", "c@example.com", "AC"),
        (None, "bob.builder@example.com", "BB"),
        ("", "@", "?"),
    ],
)
def test_initials_stand_in_for_a_picture(name: str | None, email: str, initials: str) -> None:
    assert Viewer(1, name, email, "", (), "active").initials == initials
