"""MQTT topics of devices."""

import re
from typing import NamedTuple

from catflap.devices.mqtt_login import PREFIX

# Whether Catflap is connected: `online`, or its last will, `offline`.
SERVER_TOPIC = f"{PREFIX}/server"
# Ids as PostgreSQL's BIGINT has them, in the one spelling that devices get.
_TOPIC = re.compile(rf"{PREFIX}/([1-9][0-9]{{0,17}})/([a-z_/]+)")


class DeviceTopic(NamedTuple):
    """A topic of a device: `name` is what follows its id, such as `ack` or `ha/quiet/set`."""

    device_id: int
    name: str

    def __str__(self) -> str:
        return f"{PREFIX}/{self.device_id}/{self.name}"


def every(name: str) -> str:
    """Return the filter of a topic of all devices."""
    return f"{PREFIX}/+/{name}"


def parse_topic(topic: str) -> DeviceTopic | None:
    """Return the device's topic; None if it is none."""
    found = _TOPIC.fullmatch(topic)
    return DeviceTopic(int(found[1]), found[2]) if found else None
