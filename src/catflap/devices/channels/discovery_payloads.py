"""Messages by which Home Assistant discovers a device, and the topics of its entities.

Home Assistant, "MQTT", section "MQTT Discovery": one message for the device (2024.12 or newer), or one for
each of its components (any version); members by their short names.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from catflap.devices.channels.mqtt_topics import SERVER_TOPIC, DeviceTopic, every
from catflap.mqtt_settings import DiscoveryKind

EVENT_TYPES: Final = ("announced", "played", "failed", "expired")
MAX_SAY: Final = 500
# What Home Assistant stores of a state has at most 255 characters.
MAX_STATE: Final = 250
STATES: Final = ("next", "quiet", "vol", "conn")
COMMANDS: Final = ("say", "repeat", "quiet", "vol")
_ROOT = "homeassistant"
_MAX_TEXT_ENTITY = 255


def state_topic(device_id: int, name: str) -> str:
    """Return the topic of a state, or of the event `spoken`."""
    return str(DeviceTopic(device_id, f"ha/{name}"))


def command_topic(device_id: int, name: str) -> str:
    """Return the topic of a command."""
    return str(DeviceTopic(device_id, f"ha/{name}/set"))


# With the state that every device with discovery has, to find those that are gone.
COMMAND_FILTERS: Final = (*(every(f"ha/{name}/set") for name in COMMANDS), every("ha/next"))


def discovery_messages(
    device_id: int, *, name: str, model: str, room: str, kinds: Iterable[DiscoveryKind]
) -> dict[str, dict[str, Any]]:
    """Return the messages to retain, by topic.

    Args:
        device_id: The device.
        name: Its name.
        model: Its model.
        room: Suggested as its area; "" for none.
        kinds: `device`, `components` or both; with both, Home Assistant takes the entities once.
    """
    common = _common(device_id, name, model, room)
    entities = _entities(device_id)
    found: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        if kind == "device":
            found[_device_config(device_id)] = {**common, "cmps": entities}
        else:
            for key, entity in entities.items():
                one = _text_entity(device_id) if key == "say" else entity
                members = {member: value for member, value in one.items() if member != "p"}
                found[_config(device_id, one["p"], key)] = {**members, **common}
    return found


def discovery_topics(device_id: int) -> Iterator[str]:
    """Yield all topics on which something about a device may be retained."""
    yield _device_config(device_id)
    for key, entity in _entities(device_id).items():
        one = _text_entity(device_id) if key == "say" else entity
        yield _config(device_id, one["p"], key)
    for name in STATES:
        yield state_topic(device_id, name)
    for name in COMMANDS:
        yield command_topic(device_id, name)


def _device_config(device_id: int) -> str:
    return f"{_ROOT}/device/catflap_{device_id}/config"


def _config(device_id: int, platform: str, key: str) -> str:
    return f"{_ROOT}/{platform}/catflap_{device_id}/{key}/config"


def _common(device_id: int, name: str, model: str, room: str) -> dict[str, Any]:
    release = version("catflap")
    area = {"sa": room} if room else {}
    device = {"ids": [f"catflap_{device_id}"], "name": name, "mf": "Catflap", "mdl": model, "sw": release}
    return {
        "dev": {**device, **area},
        "o": {"name": "Catflap", "sw": release},
        "avty": [{"t": SERVER_TOPIC}],
        "qos": 1,
    }


def _entities(device_id: int) -> dict[str, dict[str, Any]]:
    following = state_topic(device_id, "next")
    entities: dict[str, dict[str, Any]] = {
        "next": {
            "p": "sensor",
            "name": "Next appointment",
            "dev_cla": "timestamp",
            "stat_t": following,
            "val_tpl": "{{ value_json.at }}",
            "json_attr_t": following,
        },
        "next_title": {
            "p": "sensor",
            "name": "Next title",
            "ic": "mdi:calendar-text",
            "stat_t": following,
            "val_tpl": "{{ value_json.title }}",
        },
        "spoken": {
            "p": "event",
            "name": "Announcement",
            "ic": "mdi:bullhorn",
            "stat_t": state_topic(device_id, "spoken"),
            "evt_typ": list(EVENT_TYPES),
        },
        "say": {"p": "notify", "name": "Say", "cmd_t": command_topic(device_id, "say")},
        "repeat": {
            "p": "button",
            "name": "Repeat",
            "ic": "mdi:repeat",
            "cmd_t": command_topic(device_id, "repeat"),
        },
        "quiet": {
            "p": "switch",
            "name": "Do not disturb",
            "ic": "mdi:volume-off",
            "stat_t": state_topic(device_id, "quiet"),
            "cmd_t": command_topic(device_id, "quiet"),
        },
        "vol": {
            "p": "number",
            "name": "Volume",
            "ic": "mdi:volume-high",
            "stat_t": state_topic(device_id, "vol"),
            "cmd_t": command_topic(device_id, "vol"),
            "min": 0,
            "max": 100,
            "unit_of_meas": "%",
        },
        "conn": {
            "p": "binary_sensor",
            "name": "Connected",
            "dev_cla": "connectivity",
            "ent_cat": "diagnostic",
            "stat_t": state_topic(device_id, "conn"),
        },
    }
    return {key: {**entity, "uniq_id": _unique_id(device_id, key)} for key, entity in entities.items()}


def _text_entity(device_id: int) -> dict[str, Any]:
    """Return `say` for versions in which MQTT has no entity of the platform `notify`."""
    return {
        "p": "text",
        "name": "Say",
        "ic": "mdi:message-text",
        "cmd_t": command_topic(device_id, "say"),
        "max": _MAX_TEXT_ENTITY,
        "uniq_id": _unique_id(device_id, "say"),
    }


def _unique_id(device_id: int, key: str) -> str:
    return f"catflap_{device_id}_{key}"
