"""`catflap device esphome` pairs a device and writes what ESPHome takes; without a broker it says so."""

import asyncio
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from catflap.cli.device.esphome import _write, configuration_file
from catflap.clock import FixedClock
from catflap.errors import BadRequest, CatflapError, OperatorMustAct
from catflap.player.api import DeviceApi
from catflap.store.database import Urls
from tests.support.app_client import running_app
from tests.support.esphome import esphome, needs_esphome

LOGIN = {
    "mqtt_host": "broker.local",
    "mqtt_port": 1883,
    "mqtt_user": "17",
    "mqtt_password": 'a "password": with # signs',
    "mqtt_topics": "catflap/17",
    "ap_password": "for her network",
    "ota_password": "for updates",
}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def _secrets(folder: Path) -> dict[str, Any]:
    lines = (folder / "secrets.yaml").read_text().splitlines()
    return {name: json.loads(value) for name, _, value in (line.partition(": ") for line in lines)}


async def _run(folder: Path, app: Any, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """Run the command, and enter the code that it shows."""
    shown = asyncio.Queue[str]()
    monkeypatch.setattr("catflap.cli.device.esphome.typer.echo", shown.put_nowait)
    begin = DeviceApi.begin_pairing

    async def begin_and_poll_fast(self: DeviceApi, model: str, channel: str = "https") -> dict[str, Any]:
        return {**await begin(self, model, channel), "interval": 0.05}

    monkeypatch.setattr(DeviceApi, "begin_pairing", begin_and_poll_fast)
    alice = await app.browser()
    await alice.sign_in()
    async with asyncio.timeout(60):
        task = asyncio.create_task(_write(folder, app.origin, more.get("ca")))
        code = (await shown.get()).split()[-1]
        answer = await alice.send("POST", "/v1/devices", json={"code": code, "name": "Mia"})
        assert (answer.status_code, answer.json()["channel"]) == (201, "mqtt_play"), answer.text
        await task


@pytest.mark.parametrize("tls", [False, True])
async def test_a_device_is_paired_once_and_its_login_written(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    folder, ca = tmp_path / "mia", tmp_path / "ca.pem"
    ca.write_text(PEM)
    url = f"{'mqtts' if tls else 'mqtt'}://catflap:secret@broker.local"
    async with running_app(database_urls, clock, tmp_path, mqtt_url=SecretStr(url)) as app:
        await _run(folder, app, monkeypatch, ca=ca if tls else None)
        written = _secrets(folder)
        (row,) = await app.rows("SELECT id FROM app.devices")
        expected = {"mqtt_host": "broker.local", "mqtt_port": 8883 if tls else 1883}
        expected |= {"mqtt_user": str(row["id"]), "mqtt_topics": f"catflap/{row['id']}"}
        assert expected.items() <= written.items()
        assert written.get("mqtt_ca") == (PEM if tls else None)
        assert written["mqtt_password"] not in ("", "secret") and len(written["ota_password"]) > 20
        assert stat.S_IMODE((folder / "secrets.yaml").stat().st_mode) == 0o600
        has_ca = "\n  certificate_authority: !secret mqtt_ca\n" in (folder / "mia.yaml").read_text()
        assert has_ca == tls
        # The same login, and no other device.
        await _write(folder, app.origin, ca if tls else None)
        assert _secrets(folder) == written
        assert len(await app.rows("SELECT id FROM app.devices")) == 1


async def test_a_server_without_a_broker_and_a_broker_without_an_authority_are_named(
    database_urls: Urls, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(database_urls, clock, tmp_path) as app:
        with pytest.raises(CatflapError) as caught:
            await _run(tmp_path / "none", app, monkeypatch)
        assert caught.value.code == "mqtt_off"
        assert not (tmp_path / "none" / "mia.yaml").exists()
    url = SecretStr("mqtts://broker.example.com")
    async with running_app(database_urls, clock, tmp_path, mqtt_url=url) as app:
        with pytest.raises(OperatorMustAct) as lacking:
            await _run(tmp_path / "mia", app, monkeypatch)
        assert lacking.value.code == "ca_missing"


async def test_a_wrong_address_and_a_file_that_is_no_certificate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="--server"):
        await _write(tmp_path, "mia.example.com", None)
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(OperatorMustAct, match="no certificate"):
        await _write(tmp_path, "https://mia.example.com", tmp_path / "ca.pem")


@needs_esphome
@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True])
def test_esphome_takes_the_configuration_and_makes_a_program_of_it(tmp_path: Path, tls: bool) -> None:
    """Its compiler for the ESP32 is not asked, so this says nothing of C++ in lambdas."""
    file = tmp_path / "mia.yaml"
    shutil.copy(configuration_file(), file)
    values = {**LOGIN, "mqtt_ca": PEM} if tls else LOGIN
    if tls:
        file.write_text(file.read_text().replace("# certificate_authority", "certificate_authority"))
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in values.items()]
    (tmp_path / "secrets.yaml").write_text("".join(lines))
    checked = esphome("config", file=file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Configuration is valid!" in checked.stdout + checked.stderr
    made = esphome("compile", "--only-generate", file=file)
    assert made.returncode == 0, made.stdout + made.stderr
    program = (tmp_path / ".esphome" / "build" / "mia" / "src" / "main.cpp").read_text()
    for topic in ("play", "ack", "state"):
        assert f'"catflap/17/{topic}"' in program
    assert ("-----BEGIN CERTIFICATE" in program) == tls


@needs_esphome
@pytest.mark.slow
def test_esphome_refuses_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mia.yaml"
    file.write_text(configuration_file().read_text().replace("dac_type: external", "dac_type: nowhere"))
    (tmp_path / "secrets.yaml").write_text("".join(f"{n}: {json.dumps(v)}\n" for n, v in LOGIN.items()))
    checked = esphome("config", file=file)
    assert checked.returncode != 0 and "nowhere" in checked.stdout + checked.stderr
