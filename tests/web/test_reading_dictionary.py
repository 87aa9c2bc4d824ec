"""The reading dictionary over HTTP."""

import asyncio
import json
from typing import Any

import pytest

from catflap.announcements.reading_store import MAX_READINGS
from tests.support.app_client import ALICE, BOB, Browser, RunningApp

TAKANASHI = {"word": "小鳥遊", "reading": "たかなし"}
SRE = {"word": "SRE", "reading": "es are ee"}
KANJI = str.maketrans("0123456789", "零壱弐参四五六七八九")
REFUSED = [
    {"word": "", "reading": "x"},
    {"word": "x", "reading": ""},
    {"word": "  ", "reading": "x"},
    {"word": "x" * 61, "reading": "x"},
    {"word": "㍿" * 60, "reading": "x"},
    {"word": "x", "reading": "ab" * 61},
    {"word": "x", "reading": "🍣"},
    {"word": "x", "reading": "⟦ko:회의⟧"},
    {"word": "{titles}", "reading": "x"},
    {"word": "x", "reading": "<break time='9s'/>"},
    {"word": "x", "reading": "a\nb"},
    {"word": "x\x00", "reading": "x"},
    {"word": "x", "reading": "\ud800"},
    {"word": "x"},
    {"word": 1, "reading": "x"},
    {"word": "x", "reading": "x", "more": "x"},
]


@pytest.fixture
async def browser(app: RunningApp) -> Browser:
    made = await app.browser(ALICE)
    await made.sign_in()
    return made


async def send(browser: Browser, method: str, *entries: dict[str, Any]) -> tuple[int, Any]:
    # With escapes, which are the longest spelling and the only one of half a surrogate pair.
    body, headers = json.dumps({"readings": entries}), {"Content-Type": "application/json"}
    answer = await browser.send(method, "/v1/readings", content=body, headers=headers)
    return answer.status_code, answer.json().get("readings", answer.json().get("code"))


async def stored(browser: Browser) -> Any:
    return (await browser.get("/v1/readings")).json()["readings"]


async def test_a_dictionary_is_empty_at_first_and_replaced_as_a_whole(browser: Browser) -> None:
    assert await stored(browser) == []
    assert await send(browser, "PUT", TAKANASHI, SRE) == (200, [SRE, TAKANASHI])
    assert await stored(browser) == [SRE, TAKANASHI]
    assert await send(browser, "PUT", TAKANASHI) == (200, [TAKANASHI])
    assert await send(browser, "PUT") == (200, [])


async def test_single_words_are_set_and_removed(browser: Browser) -> None:
    assert await send(browser, "PATCH", TAKANASHI, SRE) == (200, [SRE, TAKANASHI])
    changed = {"word": "小鳥遊", "reading": "ことりあそび"}
    assert await send(browser, "PATCH", changed, SRE | {"reading": None}) == (200, [changed])
    assert await send(browser, "PATCH", SRE | {"reading": None}) == (200, [changed])


async def test_upper_and_lower_case_are_one_word(browser: Browser) -> None:
    await send(browser, "PUT", SRE)
    lower = {"word": "sre", "reading": "site reliability"}
    assert await send(browser, "PATCH", lower) == (200, [lower])
    assert await send(browser, "PATCH", {"word": " ＳＲＥ ", "reading": None}) == (200, [])
    assert await send(browser, "PUT", SRE, lower) == (400, "readings_invalid")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_what_can_not_be_said_is_refused_and_nothing_is_lost(browser: Browser, method: str) -> None:
    await send(browser, "PUT", TAKANASHI)
    for wrong in REFUSED:
        status, code = await send(browser, method, SRE, wrong)
        assert (status, code in ("invalid_request", "readings_invalid")) == (400, True), wrong
    assert await stored(browser) == [TAKANASHI]


async def test_no_error_and_no_log_repeats_the_words(
    browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    await send(browser, "PATCH", {"word": "Secret", "reading": "secret canary"})
    for word, reading in (("{Secret}", "x"), ("x" * 80 + "Secret", "x"), ("x", "{Secret}")):
        answer = await browser.send(
            "PUT", "/v1/readings", json={"readings": [{"word": word, "reading": reading}]}
        )
        assert answer.status_code == 400
        assert "Secret" not in answer.text
    logged = "".join(capfd.readouterr())
    assert "secret" not in logged.lower()


async def test_a_dictionary_has_a_limit_which_two_changes_at_a_time_keep(browser: Browser) -> None:
    full = [{"word": f"word {n} end", "reading": "x y"} for n in range(MAX_READINGS - 1)]
    assert (await send(browser, "PUT", *full))[0] == 200
    both = await asyncio.gather(send(browser, "PATCH", TAKANASHI), send(browser, "PATCH", SRE))
    assert sorted(status for status, _ in both) == [200, 400]
    assert len(await stored(browser)) == MAX_READINGS


async def test_a_full_dictionary_fits_into_a_request(browser: Browser) -> None:
    full = [{"word": f"{n:03}".translate(KANJI) * 20, "reading": "かな" * 60} for n in range(MAX_READINGS)]
    assert (await send(browser, "PUT", *full))[0] == 200
    assert (await send(browser, "PUT", *full, TAKANASHI))[0] == 400
    assert len(await stored(browser)) == MAX_READINGS


async def test_a_change_plans_the_announcements_again(app: RunningApp, browser: Browser) -> None:
    async def planned(method: str, *entries: dict[str, Any]) -> bool:
        await app.rows("DELETE FROM queue.pgqueuer WHERE entrypoint = 'plan'")
        await send(browser, method, *entries)
        return bool(await app.rows("SELECT FROM queue.pgqueuer WHERE entrypoint = 'plan'"))

    assert await planned("PATCH", TAKANASHI)
    assert not await planned("PATCH", TAKANASHI)
    assert not await planned("PUT", TAKANASHI)
    assert not await planned("PUT", {"word": "{", "reading": "x"})
    assert await planned("PUT")


async def test_it_belongs_to_one_user(app: RunningApp, browser: Browser) -> None:
    await send(browser, "PUT", TAKANASHI)
    other = await app.browser(BOB)
    await other.sign_in()
    assert await stored(other) == []
    await send(other, "PUT", SRE)
    assert await stored(browser) == [TAKANASHI]
    assert (await (await app.browser(BOB)).get("/v1/readings")).status_code == 401


async def test_it_is_exported_and_erased_with_the_account(browser: Browser) -> None:
    await send(browser, "PUT", TAKANASHI)
    exported = (await browser.get("/v1/me/export")).json()["readings"]
    assert [(row["word"], row["reading"]) for row in exported] == [("小鳥遊", "たかなし")]
