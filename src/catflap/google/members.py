"""Validate the members of JSON responses of other servers.

A member has the documented type and size, or the response is `Malformed`: nothing is guessed or converted.
Absent and null are the same.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

_NUMERAL = re.compile(r"[0-9]{1,15}(\.0+)?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_WORDS = re.compile(r"[\x20-\x7e]*")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Malformed(ValueError):
    """A response has a malformed member; the error names the member and never repeats its value."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def token(members: Mapping[str, Any], name: str, max_length: int) -> str | None:
    """Return a string of visible ASCII without spaces: a token, an identifier, a URL. Empty counts as absent.

    Raises:
        Malformed: it is something else, or longer.
    """
    value = members.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > max_length or not _VISIBLE.fullmatch(value):
        raise Malformed(name)
    return value


def words(members: Mapping[str, Any], name: str, max_length: int) -> str | None:
    """Return a string of ASCII words, such as a `scope` (RFC 6749, section 3.3). Raises as `token` does."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > max_length or not _WORDS.fullmatch(value):
        raise Malformed(name)
    return value


def required(value: str | None, name: str) -> str:
    """Return a member that must not be absent.

    Raises:
        Malformed: it is.
    """
    if value is None:
        raise Malformed(name)
    return value


def seconds(members: Mapping[str, Any], name: str, longest: int) -> int | None:
    """Return a number of seconds from 1 to `longest`; a string of digits is accepted too.

    Raises:
        Malformed: it is something else.
    """
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        value = float(value)
    if not is_number(value) or not 1 <= value <= longest:
        raise Malformed(name)
    return int(value)


def opaque(members: Mapping[str, Any], name: str, max_length: int) -> str | None:
    """Return a Unicode string that is used unchanged, such as a calendar's id. Empty counts as absent.

    Raises:
        Malformed: it is something else, longer, or can't be stored (NUL, lone surrogates).
    """
    value = members.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > max_length or not _is_storable(value):
        raise Malformed(name)
    return value


def shown(members: Mapping[str, Any], name: str, max_length: int) -> str | None:
    """Return a display string, cut to `max_length` and storable; None when it is no string.

    It is never an error, because nothing depends on it.
    """
    value = members.get(name)
    if not isinstance(value, str):
        return None
    return value[:max_length].replace("\0", "").encode("utf-8", "replace").decode() or None


def code(members: Mapping[str, Any], name: str) -> str | None:
    """Return a protocol code, such as `error`; None when it is malformed."""
    value = members.get(name)
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def is_number(value: object) -> TypeGuard[float]:
    """Return whether this is a finite number of ordinary size, which a JSON number need not be in Python."""
    # An int beyond any float's range must not be converted, and a bool is an int.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e15 < value < 1e15


def _is_storable(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False
