"""TLS to the broker, and what the log says when the connection can't be made."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.channels.mqtt_connection import Broker, BrokerUnavailable
from catflap.errors import OperatorMustAct
from catflap.mqtt_settings import address_of
from catflap.store.database import Urls
from tests.support.mosquitto import free_port, needs_mosquitto, running_mosquitto
from tests.support.mqtt_stage import MqttStage
from tests.support.tls import make_certificate

pytestmark = needs_mosquitto


async def test_schedules_go_by_tls_to_a_broker_of_an_authority_of_ones_own(
    engine: AsyncEngine, clock: FixedClock, database_urls: Urls, user_id: int, tmp_path: Path
) -> None:
    made = make_certificate(tmp_path)
    async with running_mosquitto(tmp_path, made) as broker:
        stage = MqttStage(engine, clock, database_urls, user_id, broker)
        device_id = await stage.device()
        async with stage.publishing(mqtt_ca_file=made.authority), stage.broker.device(device_id) as device:
            assert (await device.receive("schedule"))["announcements"] == []


# The library leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("certificate", "knows", "reason"),
    [
        ({"expired": True}, True, "certificate has expired"),
        ({"host": "elsewhere"}, True, "localhost"),
        ({}, False, "self-signed|self signed|unable to get local issuer"),
    ],
)
async def test_a_certificate_that_is_not_valid_is_refused_with_the_reason(
    tmp_path: Path, certificate: dict[str, Any], knows: bool, reason: str
) -> None:
    made = make_certificate(tmp_path, **certificate)
    async with running_mosquitto(tmp_path, made) as broker:
        with pytest.raises(OperatorMustAct, match=reason) as caught:
            await _connect(broker.url, made.authority if knows else None)
    assert caught.value.code == "mqtt_certificate_invalid"
    del caught
    gc.collect()


async def test_a_wrong_password_is_named_and_not_shown(tmp_path: Path) -> None:
    async with running_mosquitto(tmp_path) as broker:
        with pytest.raises(OperatorMustAct, match="CATFLAP_MQTT_URL") as caught:
            await _connect(f"mqtt://catflap:swordfish@localhost:{broker.port}")
    assert caught.value.code == "mqtt_refused" and "swordfish" not in str(caught.value)


async def test_a_broker_that_is_away_or_none_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable):
        await _connect(f"mqtt://localhost:{free_port()}")

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-none\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        with pytest.raises(BrokerUnavailable):
            await _connect(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")


def test_a_file_of_authorities_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    address = address_of("mqtts://localhost")
    assert address is not None
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("none.pem", "empty.pem"):
        with pytest.raises(OperatorMustAct, match="CATFLAP_MQTT_CA_FILE"):
            Broker(address, tmp_path / name)


async def _connect(url: str, ca_file: Path | None = None) -> None:
    address = address_of(url)
    assert address is not None
    async with asyncio.timeout(30), Broker(address, ca_file).connected():
        pass
