"""JSON Schema, validation and serialisation for the type hints of admin methods.

Parameters may be `str`, `int`, `float`, `bool`, `datetime`, `Literal`, lists and other collections,
string-keyed dictionaries, `Any`, and unions of these. Results may also be dataclasses, named tuples and
`TypedDict`s.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import math
import re
import types
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

_SCALARS: dict[Any, tuple[dict[str, Any], str]] = {
    str: ({"type": "string"}, "a string"),
    int: ({"type": "integer"}, "an integer"),
    float: ({"type": "number"}, "a finite number"),
    bool: ({"type": "boolean"}, "true or false"),
    datetime: ({"type": "string", "format": "date-time"}, "an ISO 8601 timestamp with an offset"),
    types.NoneType: ({"type": "null"}, "null"),
    Any: ({}, "any JSON value"),
}
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_UNIONS = (Union, types.UnionType)
_ARRAYS = (list, set, frozenset, collections.abc.Iterable, collections.abc.Sequence)
_OBJECTS = (dict, collections.abc.Mapping)


class _Mismatch(Exception):
    """A value is not of the wanted type."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request body; an empty body is an empty object.

    Raises:
        ValueError: if it is no JSON object, or is ambiguous: a member twice, NaN, or half a surrogate pair.
    """
    if not body.strip():
        return {}
    try:
        value = json.loads(body, object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValueError("the body is not Unicode text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value


def json_schema(hint: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type hint.

    Raises:
        TypeError: if the hint is none of those that this module supports.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint][0]
    if origin in _UNIONS:
        return {"anyOf": [json_schema(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in _ARRAYS:
        return {"type": "array", "items": json_schema(arguments[0])}
    if origin in _OBJECTS:
        return {"type": "object", "additionalProperties": json_schema(arguments[1])}
    members = _members(hint)
    return {
        "type": "object",
        "title": hint.__name__,
        "properties": {name: json_schema(member) for name, member in members.items()},
        "required": list(members),
    }


def read_json(hint: Any, value: Any, name: str) -> Any:
    """Return a JSON value as the type hint of a parameter wants it.

    Raises:
        ValueError: if it has another type; the message names the parameter.
    """
    try:
        return _read(hint, value)
    except _Mismatch:
        raise ValueError(f"{name} must be {_described(hint)}") from None


def read_text(hint: Any, text: str, name: str) -> Any:
    """Return a path or query parameter as its type hint wants it.

    Raises:
        ValueError: if it cannot be read; the message names the parameter.
    """
    kinds = set(get_args(hint) if get_origin(hint) in _UNIONS else (hint,))
    value: Any = text
    try:
        if int in kinds and _DIGITS.fullmatch(text):
            value = int(text)
        elif float in kinds:
            value = float(text)
        elif bool in kinds:
            value = {"true": True, "false": False}.get(text, text)
    except ValueError:
        pass
    return read_json(hint, value, name)


def write_json(value: Any) -> Any:
    """Return the result of a method as JSON has it; private fields of dataclasses are left out."""
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if not field.name.startswith("_")]
        return {name: write_json(getattr(value, name)) for name in names}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return write_json(value._asdict())
    if isinstance(value, collections.abc.Mapping):
        return {name: write_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [write_json(item) for item in value]
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the body has {twice[:80]!r} twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the body is not JSON: {name}")


def _members(hint: Any) -> dict[str, Any]:
    """Return name and type of what a dataclass, named tuple or TypedDict holds."""
    if not (dataclasses.is_dataclass(hint) or is_typeddict(hint) or hasattr(hint, "_fields")):
        raise TypeError(f"the admin API cannot describe {hint!r}")
    return {name: kind for name, kind in get_type_hints(hint).items() if not name.startswith("_")}


def _read(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return _first_match(arguments, value)
    if origin is Literal:
        if value in arguments:
            return value
    elif origin in _ARRAYS:
        if isinstance(value, list):
            return [_read(arguments[0], item) for item in value]
    elif origin in _OBJECTS:
        if isinstance(value, dict):
            return {name: _read(arguments[1], item) for name, item in value.items()}
    elif hint is datetime:
        return _timestamp(value)
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _finite(value)
    elif hint is Any or (isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    raise _Mismatch


def _first_match(hints: tuple[Any, ...], value: Any) -> Any:
    for hint in hints:
        try:
            return _read(hint, value)
        except _Mismatch:
            continue
    raise _Mismatch


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise _Mismatch from None
    if not math.isfinite(number):
        raise _Mismatch
    return number


def _timestamp(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Mismatch from None
    if moment.tzinfo is None:
        raise _Mismatch
    return moment


def _described(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return " or ".join(_described(argument) for argument in arguments)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in _ARRAYS:
        return f"a list of {_described(arguments[0]).removeprefix('a ').removeprefix('an ')}s"
    return "an object" if origin in _OBJECTS else _SCALARS[hint][1]
