"""The engines of an installation, and examples of voices: made by a worker, stored, limited."""

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx2
import pytest

from catflap.announcements.samples import Samples
from catflap.speech import Engine, Voices, dialects
from catflap.web.schemas.voices import EngineResource
from tests.support.app_client import ALICE, BOB, Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.fixture
async def alice(app: RunningApp) -> AsyncIterator[Browser]:
    browser = await app.browser(ALICE)
    await browser.sign_in()
    yield browser


async def hear(browser: Browser, **body: Any) -> httpx2.Response:
    return await browser.send("POST", "/v1/voices/sample", json={"dialect": "kansai", **body})


def change(app: RunningApp, **more: Any) -> Samples:
    """Change the examples of the running application."""
    samples = replace(app.catflap.services.samples, **more)
    object.__setattr__(app.catflap.services, "samples", samples)
    return samples


async def test_every_engine_is_listed_with_what_people_must_know(alice: Browser) -> None:
    engines = (await alice.get("/v1/voices")).json()["engines"]
    found = {one["id"]: one for one in engines}
    assert next(one["id"] for one in engines if "ja" in one["languages"]) == "openjtalk"
    assert "Nagoya Institute of Technology" in found["openjtalk"]["credit"]
    assert "CC BY 3.0" in found["openjtalk"]["credit"]
    assert not any(one["is_server"] for one in engines)
    assert all(one["name"] and one["about"] and one["licence"] for one in engines)
    assert found["espeak"]["credit"] is None


def test_a_server_is_told_from_an_engine_of_this_machine() -> None:
    shown = EngineResource.of(Engine("voicevox", "voicevox", (), frozenset({"ja"}), timeout=5))
    assert (shown.is_server, shown.name, shown.licence) == (True, "VOICEVOX", None)


async def test_every_dialect_has_the_same_reminder_in_each_manner(app: RunningApp) -> None:
    found = (await app.client.get("/v1/dialects")).json()
    assert len(found) == len(dialects())
    for one in found:
        said = one["talkativeness"]
        assert len(set(said.values())) == 3
        assert len(said["brief"]) <= len(said["normal"]) < len(said["chatty"])
        assert all(("会議" if one["language"] == "ja" else "Lunch") in text for text in said.values())


async def test_an_example_is_made_once_and_then_found(app: RunningApp, alice: Browser) -> None:
    async with app.catflap.work(periodic=False):
        first = await hear(alice, pitch=2, engine="openjtalk")
    assert (first.status_code, first.headers["Content-Type"]) == (200, "audio/wav")
    with wave.open(BytesIO(first.content)) as sound:
        assert sound.getnframes() > 16_000
    # Without a worker.
    assert (await hear(alice, pitch=2, engine="openjtalk")).content == first.content
    (row,) = await app.rows("SELECT count(*) FROM app.sounds")
    assert row[0] == 1


async def test_other_voices_and_manners_are_other_sounds(app: RunningApp, alice: Browser) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"pitch": 4},
        {"talkativeness": "brief"},
        {"talkativeness": "chatty"},
        {"dialect": "pirate", "engine": "espeak"},
    ]
    async with app.catflap.work(periodic=False):
        heard = [await hear(alice, **body) for body in bodies]
    assert {one.status_code for one in heard} == {200}
    assert len({one.content for one in heard}) == len(bodies)


async def test_an_engine_that_is_not_there_is_replaced_by_the_best(app: RunningApp, alice: Browser) -> None:
    async with app.catflap.work(periodic=False):
        best = await hear(alice)
    assert (await hear(alice, engine="festival")).content == best.content


async def test_several_who_wait_for_one_example_all_get_it(app: RunningApp, alice: Browser) -> None:
    bob = await app.browser(BOB)
    await bob.sign_in()
    async with app.catflap.work(periodic=False):
        heard = await asyncio.gather(*(hear(one) for one in (alice, bob, alice)))
    assert {one.status_code for one in heard} == {200}
    assert len({one.content for one in heard}) == 1


async def test_without_a_worker_the_answer_is_to_try_again(app: RunningApp, alice: Browser) -> None:
    change(app, wait=timedelta(milliseconds=50))
    answer = await hear(alice)
    assert (answer.status_code, answer.json()["code"]) == (503, "voice_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_what_to_install_is_told_where_no_engine_speaks_the_language(
    app: RunningApp, alice: Browser
) -> None:
    engines = [one for one in app.catflap.components.voices.engines if "ja" not in one.languages]
    change(app, wait=timedelta(milliseconds=50), voices=Voices(tuple(engines)))
    answer = await hear(alice)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_voice")
    assert "pip install 'catflap[mia]'" in answer.json()["detail"]


async def test_a_process_without_an_engine_has_the_worker_make_it(app: RunningApp, alice: Browser) -> None:
    change(app, voices=Voices(()))
    async with app.catflap.work(periodic=False):
        assert (await hear(alice)).status_code == 200


async def test_a_failure_of_the_worker_is_told_at_once(app: RunningApp, alice: Browser) -> None:
    renderer = app.catflap.components.jobs.sample_renderer
    await renderer.speech.aclose()
    async with app.catflap.work(periodic=False):
        answer = await hear(alice)
    assert (answer.status_code, answer.json()["code"]) == (503, "voice_unavailable")
    (row,) = await app.rows("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'sample'")
    assert row[0] == 0


async def test_what_is_made_anew_is_limited_for_each_user_and_what_is_found_is_not(
    app: RunningApp, alice: Browser
) -> None:
    async with app.catflap.work(periodic=False):
        assert (await hear(alice)).status_code == 200
    change(app, wait=timedelta(milliseconds=1))
    codes = [(await hear(alice, pitch=pitch)).json()["code"] for pitch in (*range(-6, 0), *range(1, 7))]
    assert codes[:9] == ["voice_unavailable"] * 9 and codes[-1] == "rate_limited"
    assert (await hear(alice)).status_code == 200
    bob = await app.browser(BOB)
    await bob.sign_in()
    assert (await hear(bob, pitch=6)).json()["code"] == "voice_unavailable"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"dialect": "klingon"}, "unknown_dialect"),
        ({"pitch": 7}, "invalid_request"),
        ({"pitch": 0.5}, "invalid_request"),
        ({"talkativeness": "mute"}, "invalid_request"),
        ({"engine": ""}, "invalid_request"),
        ({"text": "Dinner is ready!"}, "invalid_request"),
    ],
)
async def test_nothing_else_can_be_said(alice: Browser, body: dict[str, Any], code: str) -> None:
    answer = await hear(alice, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_stranger_hears_nothing(app: RunningApp) -> None:
    stranger = await app.browser(BOB)
    assert (await stranger.get("/v1/voices")).status_code == 401
    answer = await app.client.post("/v1/voices/sample", json={"dialect": "kansai"})
    assert answer.status_code == 401
