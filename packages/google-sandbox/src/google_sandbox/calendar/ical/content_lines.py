"""The content lines of an iCalendar file (RFC 5545, 3.1), of any encoding and line ending.

Lines are unfolded as bytes, because writers fold in the middle of a character. Bytes that are not UTF-8 are
read line by line, so that one wrong byte costs one character.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property

from icalendar.parser import Contentline, Parameters, unescape_backslash

MOST_BYTES = 64 * 2**20
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
NEWLINES = re.compile(rb"[\r\n]+")
PLAIN = re.compile(r"[A-Za-z0-9-]+:")
NO_PARAMETERS = Parameters()
NAME = re.compile(r"\s*([A-Za-z0-9-]+)\s*[;:]")
CHARSET = re.compile(rb"[^:]*;CHARSET=\"?([A-Za-z0-9_-]+)", re.IGNORECASE)
# An unquoted colon in a parameter, as in TZID=(UTC+01:00) Berlin, is recognised by where the value begins.
DATED = re.compile(r"[^;:]+;(.*):([^:]*)")
TZID = re.compile(r"(?:^|;)\s*TZID\s*=\s*(\"[^\"]*\"|[^;]*)", re.IGNORECASE)
CONTROLS = {code: None for code in (*range(32), 127) if code != 9}


class NotACalendar(ValueError):
    """The file as a whole is no iCalendar file, or too large to be read."""


@dataclass(frozen=True)
class Line:
    """One unfolded content line.

    Args:
        text: The whole line.
        is_guessed: Whether it held bytes that are not UTF-8.
    """

    text: str
    is_guessed: bool = False

    @cached_property
    def name(self) -> str:
        """The property's name in upper case; "" if this is no content line."""
        match = NAME.match(self.text)
        return match[1].upper() if match else ""

    @cached_property
    def _parts(self) -> tuple[Parameters, str]:
        if plain := PLAIN.match(self.text):  # by far the most lines, and icalendar reads sign by sign
            return NO_PARAMETERS, unescape_backslash(self.text[plain.end() :])
        try:
            _, parameters, value = Contentline(self.text).parts()  # type: ignore[no-untyped-call]
        except ValueError:
            return Parameters(), self.text.partition(":")[2].strip()
        return parameters, value

    @property
    def value(self) -> str:
        """The value, unescaped."""
        return self._parts[1]

    def parameter(self, name: str) -> str:
        """Return the (first) value of a parameter, "" if it is not there."""
        value = self._parts[0].get(name, "")
        return str(value[0] if isinstance(value, list) and value else value)

    @property
    def dated(self) -> list[tuple[str, str]]:
        """The value and TZID of a property that holds times, in the ways to split the line, best first."""
        ways = [(self.value.strip(), self.parameter("TZID").strip())]
        if match := DATED.fullmatch(self.text):
            zone = TZID.search(match[1])
            ways.append((match[2].strip(), zone[1].strip().strip('"').strip() if zone else ""))
        return ways


def content_lines(data: str | bytes) -> list[Line]:
    """Return the unfolded lines of a file.

    Raises:
        NotACalendar: if it is larger than 64 MiB.
    """
    raw = data if isinstance(data, bytes) else _encoded(data)
    if len(raw) > MOST_BYTES:
        raise NotACalendar(f"the file is larger than {MOST_BYTES >> 20} MiB")
    raw = _as_utf8(raw)
    unfolded = NEWLINES.sub(b"\n", raw).replace(b"\n ", b"").replace(b"\n\t", b"")
    return [_line(line) for line in unfolded.split(b"\n") if line.strip()]


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _as_utf8(raw: bytes) -> bytes:
    for mark, encoding in BOMS:
        if raw.startswith(mark):
            return raw.removeprefix(mark).decode(encoding, "replace").encode() if "16" in encoding else raw
    for encoding, second in (("utf-16-le", b"\0"), ("utf-16-be", b"B")):
        if len(raw) > 3 and raw[1:2] == second and b"\0" in raw[:2]:
            return raw.decode(encoding, "replace").encode()
    return raw


def _line(raw: bytes) -> Line:
    try:
        return Line(_plain(raw.decode("utf-8-sig")))
    except UnicodeDecodeError:
        named = CHARSET.match(raw)
    for encoding in (*([named[1].decode()] if named else ()), "cp1252"):
        try:
            return Line(_plain(raw.decode(encoding)), is_guessed=not named)
        except (UnicodeError, LookupError):
            continue
    return Line(_plain(raw.decode("latin-1")), is_guessed=True)


def _plain(text: str) -> str:
    return text.lstrip("\ufeff").translate(CONTROLS)
