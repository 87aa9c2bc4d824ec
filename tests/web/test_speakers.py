"""Speakers of Home Assistant in the HTTP API: listed, made devices, spoken on, and Home Assistant away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct
from catflap.settings import Settings
from catflap.store.database import Urls
from tests.support.app_client import ALICE, BOB, Browser, RunningApp, running_app
from tests.support.fake_home_assistant import (
    PLAIN,
    PLAYER,
    REST,
    SATELLITE,
    TOKEN,
    FakeHomeAssistant,
    fake_home_assistant,
)

WITH = {"home_assistant_token": SecretStr(TOKEN), "allowed_emails": (ALICE, BOB)}


@dataclass
class Stage:
    """A Catflap with a Home Assistant, and Alice, who is signed in."""

    app: RunningApp
    home: FakeHomeAssistant
    alice: Browser

    async def add(self, entity: str, **more: Any) -> dict[str, Any]:
        answer = await self.alice.send("POST", "/v1/speakers", json={"entity": entity, **more})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def speakers(self) -> dict[str, dict[str, Any]]:
        found = (await self.alice.get("/v1/speakers")).json()["speakers"]
        return {one["entity"]: one for one in found}

    async def announcements(self) -> dict[int, tuple[str, str | None]]:
        """State and detail of what was said at once, by device."""
        query = "SELECT device_id, state, detail FROM app.announcements WHERE kind = 'say'"
        rows = await self.app.rows(query)
        return {row["device_id"]: (row["state"], row["detail"]) for row in rows}

    async def until(self, wanted: dict[int, tuple[str, str | None]]) -> None:
        async with asyncio.timeout(30):
            while await self.announcements() != wanted:
                # What has no sound yet is tried again each second.
                self.app.clock.advance(timedelta(milliseconds=100))
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        fake_home_assistant() as home,
        running_app(database_urls, clock, tmp_path, home_assistant_url=home.url, **WITH) as app,
    ):
        alice = await app.browser()
        await alice.sign_in()
        yield Stage(app, home, alice)


async def test_speakers_are_listed_with_their_rooms_and_what_is_no_speaker_is_not(stage: Stage) -> None:
    found = await stage.speakers()
    assert list(found) == [SATELLITE, PLAYER, PLAIN]
    assert found[PLAYER] == {
        "entity": PLAYER,
        "name": "Kitchen",
        "room": "Kitchen",
        "resumes": True,
        "rest_entity": None,
        "volume": None,
        "available": True,
        "device": None,
        "at_rest": False,
    }
    assert (found[PLAIN]["resumes"], found[PLAIN]["room"]) == (False, "")


async def test_a_token_that_may_not_ask_for_rooms_does_so_once(stage: Stage) -> None:
    stage.home.administrator = False
    for _ in range(2):
        assert {one["room"] for one in (await stage.speakers()).values()} == {""}
    assert stage.home.paths.count("/api/template") == 1


async def test_a_speaker_becomes_a_device_of_the_user(stage: Stage) -> None:
    made = await stage.add(PLAYER, rest_entity=REST, volume=30)
    assert made == {
        "device": made["device"],
        "name": "Kitchen",
        "room": "Kitchen",
        "entity": PLAYER,
        "rest_entity": REST,
        "volume": 30,
    }
    device = (await stage.alice.get("/v1/devices")).json()["devices"][0]
    shown = {name: device[name] for name in ("id", "name", "room", "channel", "model", "online")}
    assert shown == {
        "id": made["device"],
        "name": "Kitchen",
        "room": "Kitchen",
        "channel": "home_assistant",
        "model": "Home Assistant",
        "online": True,
    }
    listed = (await stage.speakers())[PLAYER]
    assert (listed["device"], listed["at_rest"]) == (made["device"], False)
    assert (listed["rest_entity"], listed["volume"]) == (REST, 30)
    stage.home.set(REST, "on")
    assert (await stage.speakers())[PLAYER]["at_rest"]
    options = {"rest_entity": None, "volume": None}
    path = f"/v1/speakers/{made['device']}"
    changed = (await stage.alice.send("PUT", path, json=options)).json()
    assert (changed["rest_entity"], changed["volume"]) == (None, None)
    assert not (await stage.speakers())[PLAYER]["at_rest"]
    again = await stage.alice.send("POST", "/v1/speakers", json={"entity": PLAYER})
    assert (again.status_code, again.json()["code"]) == (409, "speaker_exists")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"entity": "media_player.gone"}, "speaker_unknown"),
        ({"entity": "media_player.remote_control"}, "speaker_unknown"),
        ({"entity": PLAYER, "rest_entity": "input_boolean.gone"}, "speaker_unknown"),
        ({"entity": "light.kitchen"}, "invalid_request"),
        ({"entity": "media_player.kitchen/../../config"}, "invalid_request"),
        ({"entity": PLAYER, "rest_entity": "light.kitchen"}, "invalid_request"),
        ({"entity": PLAYER, "volume": 101}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_what_is_no_speaker_is_refused(stage: Stage, body: dict[str, Any], code: str) -> None:
    answer = await stage.alice.send("POST", "/v1/speakers", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404 if code == "speaker_unknown" else 400, code)
    assert (await stage.alice.get("/v1/devices")).json() == {"devices": []}


async def test_nobody_changes_the_speaker_of_another(stage: Stage) -> None:
    made = await stage.add(PLAYER)
    bob = await stage.app.browser(BOB)
    await bob.sign_in()
    options = {"rest_entity": None, "volume": 100}
    answer = await bob.send("PUT", f"/v1/speakers/{made['device']}", json=options)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    listed = (await bob.get("/v1/speakers")).json()["speakers"]
    assert {one["device"] for one in listed} == {None}
    assert (await bob.send("POST", "/v1/speakers", json={"entity": PLAYER})).status_code == 201


async def test_what_is_said_is_played_in_each_room_but_where_somebody_rests(stage: Stage) -> None:
    """Without an MQTT broker; the sound that Home Assistant is told of can be fetched without a login."""
    kitchen, hall = await stage.add(PLAYER), await stage.add(SATELLITE, rest_entity=REST)
    stage.home.set(REST, "on")
    async with stage.app.catflap.work():
        said = await stage.alice.send("POST", "/v1/say", json={"text": "Dinner is ready!"})
        assert said.status_code < 300, said.text
        await stage.until({kitchen["device"]: ("played", None), hall["device"]: ("held", "at_rest")})
    (call,) = stage.home.calls
    assert call[0] == "media_player/play_media"
    sound = await stage.app.client.get(call[1]["media_content_id"])
    assert (sound.status_code, sound.headers["Content-Type"], sound.content[:4]) == (
        200,
        "audio/wav",
        b"RIFF",
    )


async def test_home_assistant_that_refuses_fails_what_was_to_be_said_and_says_why(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await stage.add(PLAYER)
    stage.home.token = "another"
    async with stage.app.catflap.work():
        await stage.alice.send("POST", "/v1/say", json={"text": "Dinner is ready!"})
        await stage.until({made["device"]: ("failed", "home_assistant_token_refused")})


@pytest.mark.parametrize("code", ["home_assistant_token_refused", "home_assistant_unavailable"])
async def test_home_assistant_away_is_503_and_never_500(stage: Stage, code: str) -> None:
    stage.home.token = "another"
    if code == "home_assistant_unavailable":
        await stage.home.close()
    for method, path, body in [
        ("GET", "/v1/speakers", None),
        ("POST", "/v1/speakers", {"entity": PLAYER}),
    ]:
        answer = await stage.alice.send(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert TOKEN not in answer.text


async def test_without_home_assistant_there_are_no_speakers(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    answer = await browser.get("/v1/speakers")
    assert (answer.status_code, answer.json()["code"]) == (404, "home_assistant_off")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"home_assistant_url": "http://ha.example.com:8123"}, "CATFLAP_HOME_ASSISTANT_URL: must be https"),
        ({"home_assistant_url": "ftp://ha"}, "CATFLAP_HOME_ASSISTANT_URL: must be https"),
        (
            {"home_assistant_url": "https://me:pw@ha.example.com"},
            "CATFLAP_HOME_ASSISTANT_URL: must name a host",
        ),
        (
            {"home_assistant_url": "https://ha.example.com/?a"},
            "CATFLAP_HOME_ASSISTANT_URL: must hold neither",
        ),
        (
            {"home_assistant_token": SecretStr("two words")},
            "CATFLAP_HOME_ASSISTANT_TOKEN: must be a long-lived",
        ),
        ({"home_assistant_token": SecretStr("")}, "go together"),
        ({"allowed_emails": ()}, "needs CATFLAP_ALLOWED_EMAILS"),
    ],
)
def test_settings_that_would_give_the_speakers_away_are_refused(given: dict[str, Any], error: str) -> None:
    right = {"home_assistant_url": "http://homeassistant.local:8123", **WITH}
    assert Settings.read(**right).home_assistant_url == "http://homeassistant.local:8123"
    with pytest.raises(OperatorMustAct, match=error) as caught:
        Settings.read(**{**right, **given})
    assert "pw" not in str(caught.value) and TOKEN not in repr(Settings.read(**right))
