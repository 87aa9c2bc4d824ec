"""The MQTT broker and Home Assistant: real ones, or on real sockets."""

import asyncio
import gc
import ssl
from pathlib import Path
from typing import Any

import pytest

from catflap.checks.device_checks import check_broker, check_broker_beside, check_home_assistant
from catflap.checks.installation import Database
from catflap.devices.channels.leader import Leader
from catflap.devices.channels.mqtt_connection import Broker
from catflap.errors import OperatorMustAct
from catflap.mqtt_settings import address_of
from catflap.store.database import Urls
from tests.checks.conftest import Make, codes
from tests.support.fake_home_assistant import FakeHomeAssistant, fake_home_assistant
from tests.support.mosquitto import SERVER, needs_mosquitto, running_mosquitto
from tests.support.tls import make_certificate

pytestmark = pytest.mark.slow


@needs_mosquitto
async def test_a_broker_that_refuses_us_or_is_away(make: Make, tmp_path: Path) -> None:
    assert await check_broker(make()) == []
    async with running_mosquitto(tmp_path) as broker:
        here, wrong = make(mqtt_url=broker.url), make(mqtt_url=broker.url.replace("catflap:", "catflap:not"))
        assert await check_broker(here) == []
        (refused,) = await check_broker(wrong)
        assert refused.code == "mqtt_refused"
        await broker.kill()
        (away,) = await check_broker(here)
    assert away.code == "mqtt_unavailable"
    assert str(broker.port) in away.wrong
    assert not [one for one in (refused, away) if SERVER[1] in f"{one.wrong}{one.remedy}"]


@needs_mosquitto
async def test_a_catflap_that_is_connected_is_not_cut_off(
    make: Make, database: Database, database_urls: Urls, tmp_path: Path
) -> None:
    leads = asyncio.Event()

    async def lead() -> None:
        leads.set()
        await asyncio.Event().wait()

    async with running_mosquitto(tmp_path) as broker:
        here, address = make(mqtt_url=broker.url), address_of(broker.url)
        assert address is not None
        assert await check_broker_beside(here, database) == []
        async with Leader(database_urls.app, lead), Broker(address).connected() as running:
            await leads.wait()
            assert codes(await check_broker_beside(here, database)) == ["mqtt_login_not_tried"]
            await running.publish("catflap/server", b"online", retain=True)
            assert await check_broker_beside(make(), database) == []


# The library leaves the socket of a failed handshake open; here it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@needs_mosquitto
async def test_a_broker_whose_certificate_is_unknown(make: Make, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    (tmp_path / "empty.pem").write_text("no certificate")
    async with running_mosquitto(tmp_path, certificate) as broker:
        assert await check_broker(make(mqtt_url=broker.url, mqtt_ca_file=certificate.authority)) == []
        unknown = make(mqtt_url=broker.url)
        assert codes(await check_broker(unknown)) == ["mqtt_certificate_invalid"]
        with pytest.raises(OperatorMustAct, match="mqtt_certificate_invalid"):
            await Broker(unknown.settings.mqtt_broker or pytest.fail()).check_reachable()
        unreadable = make(mqtt_url=broker.url, mqtt_ca_file=tmp_path / "empty.pem")
        assert codes(await check_broker(unreadable)) == ["mqtt_ca_unreadable"]
    gc.collect()


def of_home(home: FakeHomeAssistant, **more: Any) -> dict[str, Any]:
    return {**home.settings, "allowed_emails": "alice@example.com", **more}


async def test_a_home_assistant_that_refuses_us_or_is_away(make: Make) -> None:
    async with fake_home_assistant() as home:
        assert await check_home_assistant(make(**of_home(home))) == []
        elsewhere = make(**of_home(home, home_assistant_url=f"{home.url}/elsewhere"))
        assert codes(await check_home_assistant(elsewhere)) == ["home_assistant_refused"]
        revoked = make(**of_home(home, home_assistant_token="a-revoked-token"))
        (finding,) = await check_home_assistant(revoked)
        assert finding.code == "home_assistant_token_refused"
        assert "a-revoked-token" not in finding.wrong + finding.remedy
        await home.close()
        assert codes(await check_home_assistant(make(**of_home(home)))) == ["home_assistant_unavailable"]


async def test_a_home_assistant_whose_certificate_is_unknown(make: Make, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.chain, certificate.key)
    async with fake_home_assistant(tls) as home:
        known = make(**of_home(home, home_assistant_ca_file=certificate.authority))
        assert await check_home_assistant(known) == []
        assert codes(await check_home_assistant(make(**of_home(home)))) == [
            "home_assistant_certificate_invalid"
        ]
        unreadable = make(**of_home(home, home_assistant_ca_file=tmp_path / "none.pem"))
        assert codes(await check_home_assistant(unreadable)) == ["home_assistant_ca_unreadable"]


async def test_speakers_that_can_not_fetch_sounds(make: Make) -> None:
    # A name that nobody resolves.
    home = {"home_assistant_url": "http://homeassistant.invalid.lan:8123", "home_assistant_token": "x"}
    findings = await check_home_assistant(make(**home, allowed_emails="alice@example.com"))
    assert codes(findings) == ["sounds_out_of_reach", "home_assistant_unavailable"]
