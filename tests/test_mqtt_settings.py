"""Settings of the MQTT broker: which addresses are accepted, and what an error says of them."""

from typing import Any

import pytest

from catflap.errors import OperatorMustAct
from catflap.mqtt_settings import BrokerAddress
from catflap.settings import Settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1", BrokerAddress("127.0.0.1", 1883, False)),
        ("mqtt://cat:p%40ss@broker:1999/", BrokerAddress("broker", 1999, False, "cat", "p@ss")),
        ("mqtt://homeassistant.local", BrokerAddress("homeassistant.local", 1883, False)),
        (
            "mqtts://cat:secret@Broker.example.com",
            BrokerAddress("broker.example.com", 8883, True, "cat", "secret"),
        ),
        ("mqtts://[fd00::1]:8884", BrokerAddress("fd00::1", 8884, True)),
    ],
)
def test_an_address_has_host_port_and_login(url: str, address: BrokerAddress) -> None:
    assert Settings.read(mqtt_url=url).mqtt_broker == address


@pytest.mark.parametrize(
    "url",
    [
        "broker",
        "http://broker",
        "mqtt://",
        "mqtts://broker.example.com:port",
        "mqtts://broker.example.com/topic",
        "mqtts://broker.example.com?tls=no",
        "mqtts://bro ker.example.com",
        "mqtt://cat:swordfish@broker.example.com",
        "mqtt://8.8.8.8",
    ],
)
def test_any_other_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(OperatorMustAct, match="CATFLAP_MQTT_URL: must ") as caught:
        Settings.read(mqtt_url=url)
    assert "swordfish" not in str(caught.value)


def test_devices_reach_the_broker_by_an_address_of_their_own_without_a_login() -> None:
    ours = "mqtt://cat:secret@localhost"
    assert Settings.read().mqtt_broker_of_devices is None
    assert Settings.read(mqtt_url=ours).mqtt_broker_of_devices == BrokerAddress("localhost", 1883, False)
    theirs = Settings.read(mqtt_url=ours, mqtt_device_url="mqtts://broker.example.com").mqtt_broker_of_devices
    assert theirs == BrokerAddress("broker.example.com", 8883, True)
    with pytest.raises(OperatorMustAct, match="CATFLAP_MQTT_DEVICE_URL: must hold neither"):
        Settings.read(mqtt_url=ours, mqtt_device_url="mqtts://cat:secret@broker.example.com")


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("off", ()),
        ("", ()),
        ("device", ("device",)),
        ("device, components", ("device", "components")),
    ],
)
def test_discovery_is_off_or_of_one_or_both_kinds(value: Any, kinds: tuple[str, ...]) -> None:
    assert Settings.read(home_assistant_discovery=value).home_assistant_discovery == kinds
    with pytest.raises(OperatorMustAct, match="CATFLAP_HOME_ASSISTANT_DISCOVERY: must be off, device"):
        Settings.read(home_assistant_discovery="on")
