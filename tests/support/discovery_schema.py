"""JSON schemas of Home Assistant's MQTT discovery: the members of each platform, by their short names.

From "MQTT Discovery" and the page of each platform in the documentation of Home Assistant 2024.12.
"""

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_TOPIC = {"type": "string", "pattern": "^[^+#\\s]+$", "maxLength": 200}
_ENTITY = {"name": _TEXT, "uniq_id": _TEXT, "ic": {"type": "string", "pattern": "^mdi:[a-z-]+$"}}


def _platform(name: str, required: list[str], **members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"p": {"const": name}, **_ENTITY, **members},
        "required": ["p", "name", "uniq_id", *required],
        "additionalProperties": False,
    }


PLATFORMS = {
    "sensor": _platform(
        "sensor",
        ["stat_t"],
        stat_t=_TOPIC,
        val_tpl=_TEXT,
        json_attr_t=_TOPIC,
        dev_cla={"const": "timestamp"},
    ),
    "event": _platform(
        "event",
        ["stat_t", "evt_typ"],
        stat_t=_TOPIC,
        evt_typ={"type": "array", "items": _TEXT, "minItems": 1},
    ),
    "notify": _platform("notify", ["cmd_t"], cmd_t=_TOPIC),
    "button": _platform("button", ["cmd_t"], cmd_t=_TOPIC),
    "switch": _platform("switch", ["stat_t", "cmd_t"], stat_t=_TOPIC, cmd_t=_TOPIC),
    "number": _platform(
        "number",
        ["stat_t", "cmd_t"],
        stat_t=_TOPIC,
        cmd_t=_TOPIC,
        min={"type": "number"},
        max={"type": "number"},
        unit_of_meas=_TEXT,
    ),
    "text": _platform("text", ["cmd_t"], cmd_t=_TOPIC, max={"type": "integer", "maximum": 255}),
    "binary_sensor": _platform(
        "binary_sensor",
        ["stat_t"],
        stat_t=_TOPIC,
        dev_cla={"const": "connectivity"},
        ent_cat={"const": "diagnostic"},
    ),
}
_COMMON = {
    "dev": {
        "type": "object",
        "properties": {
            "ids": {"type": "array", "items": _TEXT, "minItems": 1},
            **dict.fromkeys(("name", "mf", "mdl", "sw", "sa"), _TEXT),
        },
        "required": ["ids", "name"],
        "additionalProperties": False,
    },
    # Without the origin, Home Assistant refuses a message about a device.
    "o": {
        "type": "object",
        "properties": {"name": _TEXT, "sw": _TEXT},
        "required": ["name"],
        "additionalProperties": False,
    },
    "avty": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"t": _TOPIC},
            "required": ["t"],
            "additionalProperties": False,
        },
    },
    "qos": {"enum": [0, 1, 2]},
}
DEVICE = {
    "type": "object",
    "properties": {
        **_COMMON,
        "cmps": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"oneOf": [*PLATFORMS.values()]},
        },
    },
    "required": ["dev", "o", "cmps"],
    "additionalProperties": False,
}


def component(platform: str) -> dict[str, Any]:
    """The schema of a message about one component, which names its platform in the topic."""
    one = PLATFORMS[platform]
    members = {name: value for name, value in one["properties"].items() if name != "p"}
    required = [name for name in one["required"] if name != "p"]
    return {**one, "properties": {**members, **_COMMON}, "required": [*required, "dev"]}
