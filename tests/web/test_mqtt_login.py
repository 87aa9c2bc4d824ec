"""The login of a device at the MQTT broker, which follows from its token."""

import hashlib
from pathlib import Path

import pytest

from catflap.clock import FixedClock
from catflap.devices.mqtt_login import device_password
from catflap.store.database import Urls
from tests.support.app_client import Browser, RunningApp, running_app

TOKEN = "a device's own token"


async def _pair(alice: Browser, channel: str, token: str = TOKEN) -> tuple[int, dict[str, str]]:
    body = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "model": "esp32", "channel": channel}
    code = (await alice.app.client.post("/v1/pairings", json=body)).json()["code"]
    made = await alice.send("POST", "/v1/devices", json={"code": code})
    return made.json()["id"], {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("channel", ["mqtt", "mqtt_play"])
async def test_a_device_gets_its_login_at_the_broker_as_devices_reach_it(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, channel: str
) -> None:
    urls = {"mqtt_url": "mqtt://cat:secret@localhost", "mqtt_device_url": "mqtts://broker.example.com"}
    async with running_app(database_urls, clock, tmp_path, **urls) as app:
        alice = await app.browser()
        await alice.sign_in()
        device_id, headers = await _pair(alice, channel)
        answer = await app.client.get("/v1/device/mqtt", headers=headers)
        login = answer.json()
        password = login.pop("password")
        assert login == {
            "host": "broker.example.com",
            "port": 8883,
            "tls": True,
            "user": str(device_id),
            "topics": f"catflap/{device_id}",
        }
        assert answer.headers["Cache-Control"] == "no-store"
        # The same each time, of 256 bits, and stored nowhere.
        assert (await app.client.get("/v1/device/mqtt", headers=headers)).json()["password"] == password
        assert len(password) == 43 and password not in await app.dump()
        await _is_off(app, (await _pair(alice, "https", "another token"))[1])


async def test_without_a_broker_a_device_is_told_to_fetch_its_schedule(app: RunningApp) -> None:
    alice = await app.browser()
    await alice.sign_in()
    await _is_off(app, (await _pair(alice, "mqtt"))[1])


async def _is_off(app: RunningApp, headers: dict[str, str]) -> None:
    answer = await app.client.get("/v1/device/mqtt", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "mqtt_off")


def test_each_device_and_each_token_has_another_password() -> None:
    made = {
        device_password(key, device, token)
        for key in (b"key", b"other")
        for device in (1, 11)
        for token in (b"1", b"1:1")
    }
    assert len(made) == 8
