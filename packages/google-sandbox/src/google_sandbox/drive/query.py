r"""Search language of `files.list`: `name contains 'cat' and (starred = true or not trashed = false)`.

Source: Drive guides "Search for files and folders" and "Search query terms and operators". `and` and `or`
are read from left to right, without precedence, as the guide says; `not` belongs to the term or parenthesis
that follows. Texts stand in single quotes (observed: double quotes do as well) with `\'` and `\\`.
Anything else is Google's 400 about the parameter `q`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google_sandbox.drive.text_search import all_begin, all_present
from google_sandbox.errors import ApiError
from google_sandbox.timestamps import parse_date, parse_timestamp

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>[A-Za-z][A-Za-z0-9.]*)|(?P<sign><=|>=|!=|[=<>(){}]))",
    re.DOTALL,
)
DEEPEST = 50
COLLECTIONS = ("parents", "owners", "writers", "readers")
FLAGS = ("trashed", "starred", "sharedWithMe")
TIMES = ("modifiedTime", "createdTime", "viewedByMeTime")
TEXTS = ("name", "mimeType", "visibility", "shortcutDetails.targetId")
MAPS = ("properties", "appProperties")
VISIBILITIES = ("anyoneCanFind", "anyoneWithLink", "domainCanFind", "domainWithLink", "limited")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file as a query looks at it: its resource, and the text that `fullText` searches."""

    shown: Mapping[str, Any]
    text: str


Test = Callable[[Candidate], bool]
Token = tuple[str, str]


@dataclass(slots=True)
class Query:
    """A query that was read; `full_text` says whether it asks for `fullText`, which cannot be sorted."""

    matches: Test
    full_text: bool = False


@dataclass(slots=True)
class _Reader:
    """A recursive descent over the tokens; `aliases` are names of folders that stand for their ids."""

    tokens: list[Token]
    aliases: Mapping[str, str]
    at: int = 0
    depth: int = 0
    terms: list[str] = field(default_factory=list)

    def expression(self) -> Test:
        self.depth += 1
        if self.depth > DEEPEST:
            raise invalid("q")
        test = self._operand()
        while self._peek() in (("word", "and"), ("word", "or")):
            joint = self._next()[1]
            test = _joined(joint, test, self._operand())
        self.depth -= 1
        return test

    def _operand(self) -> Test:
        negated = False
        while self._peek() == ("word", "not"):
            self.at += 1
            negated = not negated
        if self._peek() == ("sign", "("):
            self.at += 1
            test = self.expression()
            self._expect("sign", ")")
        else:
            test = self._term()
        return (lambda file: not test(file)) if negated else test

    def _term(self) -> Test:
        kind, name = self._next()
        if kind == "text":
            self._expect("word", "in")
            return self._in(_unquoted(name))
        if kind != "word":
            raise invalid("q")
        self.terms.append(name)
        if name in MAPS:
            return self._has(name)
        if name in FLAGS:
            return self._flag(name)
        if name in TIMES:
            return _time(name, self._sign(tuple(COMPARE)), self._text())
        if name == "fullText":
            self._expect("word", "contains")
            wanted = self._text()
            return lambda file: all_present(wanted, file.text)
        if name in TEXTS:
            return _text(name, self._sign(("=", "!=", "contains")), self._text())
        raise invalid("q")

    def _in(self, member: str) -> Test:
        kind, name = self._next()
        if kind != "word" or name not in COLLECTIONS:
            raise invalid("q")
        if name == "parents":
            wanted = self.aliases.get(member, member)
            return lambda file: wanted in file.shown.get("parents", ())
        address = member.lower()
        return lambda file: any(
            address == "me" or address == owner["emailAddress"].lower() for owner in file.shown["owners"]
        )

    def _flag(self, name: str) -> Test:
        if name == "sharedWithMe" and self._peek() not in (("sign", "="), ("sign", "!=")):
            return lambda file: bool(file.shown.get(name))
        sign = self._sign(("=", "!="))
        kind, value = self._next()
        if kind != "word" or value not in ("true", "false"):
            raise invalid("q")
        wanted = (value == "true") is (sign == "=")
        return lambda file: bool(file.shown.get(name)) is wanted

    def _has(self, name: str) -> Test:
        self._expect("word", "has")
        self._expect("sign", "{")
        pair = dict([self._pair()])
        self._expect("word", "and")
        pair.update([self._pair()])
        self._expect("sign", "}")
        if set(pair) != {"key", "value"}:
            raise invalid("q")
        return lambda file: file.shown.get(name, {}).get(pair["key"]) == pair["value"]

    def _pair(self) -> tuple[str, str]:
        kind, name = self._next()
        self._expect("sign", "=")
        if kind != "word":
            raise invalid("q")
        return name, self._text()

    def _sign(self, allowed: tuple[str, ...]) -> str:
        _, sign = self._next()
        if sign not in allowed:
            raise invalid("q")
        return sign

    def _text(self) -> str:
        kind, text = self._next()
        if kind != "text":
            raise invalid("q")
        return _unquoted(text)

    def _expect(self, kind: str, value: str) -> None:
        if self._next() != (kind, value):
            raise invalid("q")

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next(self) -> Token:
        token = self._peek()
        if token is None:
            raise invalid("q")
        self.at += 1
        return token


def parse(text: str, aliases: Mapping[str, str]) -> Query:
    """Return the query a text stands for; an empty one matches everything.

    Raises:
        ApiError: 400, if the text is not a query.
    """
    tokens = _tokens(text)
    if not tokens:
        return Query(lambda file: True)
    reader = _Reader(tokens, aliases)
    test = reader.expression()
    if reader.at != len(tokens):
        raise invalid("q")
    return Query(test, "fullText" in reader.terms)


def invalid(parameter: str) -> ApiError:
    """Return the 400 for a parameter that cannot be read."""
    return ApiError(400, "invalid", "Invalid Value", location=("parameter", parameter))


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise invalid("q")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _joined(joint: str, left: Test, right: Test) -> Test:
    if joint == "and":
        return lambda file: left(file) and right(file)
    return lambda file: left(file) or right(file)


def _text(name: str, sign: str, value: str) -> Test:
    if name == "visibility" and (value not in VISIBILITIES or sign == "contains"):
        raise invalid("q")
    if name == "shortcutDetails.targetId":
        if sign == "contains":
            raise invalid("q")
        return lambda file: sign == "!="
    if name == "visibility":
        return lambda file: COMPARE[sign]("limited", value)
    if sign != "contains":
        return lambda file: COMPARE[sign](file.shown[name], value)
    if name == "mimeType":
        return lambda file: value.casefold() in str(file.shown[name]).casefold()
    return lambda file: all_begin(value, str(file.shown[name]))


def _time(name: str, sign: str, value: str) -> Test:
    moment = _moment(value)

    def test(file: Candidate) -> bool:
        shown = file.shown.get(name)
        if shown is None:
            return sign == "!="
        return COMPARE[sign](parse_timestamp(str(shown)), moment)

    return test


def _moment(text: str) -> datetime:
    try:
        if "T" not in text.upper() and " " not in text:
            day = parse_date(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = parse_timestamp(text, UTC).astimezone(UTC)
    except ValueError:
        raise invalid("q") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
