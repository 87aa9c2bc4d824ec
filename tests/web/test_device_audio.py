"""The format of a device's sounds: chosen when it is paired or later, and named by its schedule."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import insert

from catflap.store.tables import announcements
from tests.support.app_client import Browser, RunningApp


async def signed_in(app: RunningApp) -> Browser:
    browser = await app.browser()
    await browser.sign_in()
    return browser


async def pair(app: RunningApp, browser: Browser, **more: object) -> dict[str, object]:
    body = {"token_sha256": hashlib.sha256(b"token").hexdigest(), "model": "robot", **more}
    pairing = await app.client.post("/v1/pairings", json=body)
    assert pairing.status_code == 201, pairing.text
    claimed = await browser.send("POST", "/v1/devices", json={"code": pairing.json()["code"]})
    found: dict[str, object] = claimed.json()
    return found


async def test_a_device_says_its_format_when_it_is_paired(app: RunningApp) -> None:
    browser = await signed_in(app)
    assert (await pair(app, browser))["audio"] == {"format": "wav", "rate": 16000}
    made = await pair(app, browser, audio={"format": "opus", "rate": 24000}, token_sha256="a" * 64)
    assert made["audio"] == {"format": "opus", "rate": 24000}
    listed = (await browser.get("/v1/devices")).json()["devices"]
    assert [one["audio"]["format"] for one in listed] == ["wav", "opus"]


async def test_the_format_of_a_device_can_be_changed(app: RunningApp) -> None:
    browser = await signed_in(app)
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    path = f"/v1/devices/{device['id']}"
    changed = await browser.send("PATCH", path, json={"audio": {"format": "mp3", "rate": 22050}})
    assert changed.json()["audio"] == {"format": "mp3", "rate": 22050}
    changed = await browser.send("PATCH", path, json={"volume": 10})
    assert changed.json()["audio"] == {"format": "mp3", "rate": 22050}
    changed = await browser.send("PATCH", path, json={"audio": {}})
    assert changed.json()["audio"] == {"format": "wav", "rate": 16000}


@pytest.mark.parametrize(
    "audio",
    [
        None,
        "mp3",
        {"format": "aac"},
        {"format": "opus", "rate": 44100},
        {"rate": 11025},
        {"rate": "16000"},
        {"rate": 16000.5},
        {"format": "mp3", "bits": 8},
        {"format": "mp3\x00"},
    ],
    ids=str,
)
async def test_other_formats_are_refused(app: RunningApp, audio: object) -> None:
    browser = await signed_in(app)
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    refused = await browser.send("PATCH", f"/v1/devices/{device['id']}", json={"audio": audio})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


async def test_a_format_that_is_not_installed_is_refused_with_what_to_do(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.speech.audio_format.find_spec", lambda _: None)
    browser = await signed_in(app)
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    refused = await browser.send("PATCH", f"/v1/devices/{device['id']}", json={"audio": {"format": "flac"}})
    assert (refused.status_code, refused.json()["code"]) == (400, "format_unavailable")
    assert "'formats'" in refused.json()["detail"]


async def test_a_sound_has_the_type_and_bytes_that_the_schedule_names(app: RunningApp) -> None:
    browser = await signed_in(app)
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    await app.rows("UPDATE app.devices SET audio = 'opus-48000' WHERE id = $1", device["id"])
    (owner,) = await app.rows("SELECT id FROM app.users")
    row = {
        "id": "a",
        "user_id": owner["id"],
        "device_id": device["id"],
        "key": "key",
        "kind": "before",
        "state": "ready",
        "play_at": app.clock.now(),
        "expires_at": app.clock.now() + timedelta(hours=1),
        "titles": [],
        "event_start": "",
        "dialect": "kansai",
        "display": "",
        "spoken": "",
        "sound_key": "k",
        "updated_at": app.clock.now(),
    }
    async with app.catflap.services.engine.begin() as connection:
        await connection.execute(insert(announcements).values(row))
    await app.rows("INSERT INTO app.sounds VALUES ('k', 'RIFF', 'ab', 4, 1.0, $1)", app.clock.now())
    digest = hashlib.sha256(b"OggS sound").hexdigest()
    await app.rows("INSERT INTO app.encoded_sounds VALUES ('k', 'opus-48000', 'OggS sound', $1, 10)", digest)
    bearer = {"Authorization": f"Bearer {device['token']}"}
    (one,) = (await app.client.get("/v1/device/schedule", headers=bearer)).json()["announcements"]
    assert {**one["audio"], "url": ""} == {
        "url": "",
        "type": "audio/ogg",
        "sha256": digest,
        "bytes": 10,
        "seconds": 1.0,
    }
    sound = await app.client.get(one["audio"]["url"])
    assert (sound.headers["content-type"], sound.content) == ("audio/ogg", b"OggS sound")
    part = await app.client.get(one["audio"]["url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.headers["content-type"], part.content) == (206, "audio/ogg", b"OggS")
    # Its address can't be bent to another format.
    assert (await app.client.get(one["audio"]["url"].replace("opus-48000", "wav-16000"))).status_code == 404
