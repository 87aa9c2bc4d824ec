"""The format of a phrasebook: what must be in the file, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Any

# Every phrase a phrasebook must have, and the placeholders that must be in it.
REQUIRED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "before_one": frozenset({"titles"}),
        "before_many": frozenset({"titles", "span"}),
        "before_hours": frozenset({"titles", "time", "span"}),
        "start": frozenset({"titles"}),
        "all_day": frozenset({"day", "titles"}),
        "greeting": frozenset({"date"}),
        "timed_one": frozenset({"time"}),
        "timed_many": frozenset({"count", "time"}),
        "nothing": frozenset(),
        "moved": frozenset({"titles", "time"}),
        "cancelled": frozenset({"titles", "time"}),
        "late": frozenset({"titles", "span"}),
        "catch_up": frozenset({"titles"}),
        "reconnect": frozenset(),
        "paired": frozenset(),
        "under_way": frozenset({"titles"}),
        "evening": frozenset(),
        "evening_one": frozenset({"time"}),
        "evening_many": frozenset({"count", "time"}),
        "evening_nothing": frozenset(),
        "leave": frozenset({"titles", "span"}),
        "countdown": frozenset({"titles", "span"}),
        "late_now": frozenset({"titles"}),
        # For those who want to hear no more than needed.
        "brief_before": frozenset({"titles", "span"}),
        "brief_hours": frozenset({"titles", "time"}),
        "brief_start": frozenset({"titles"}),
        "brief_one": frozenset({"day", "time"}),
        "brief_many": frozenset({"day", "count", "time"}),
        "brief_nothing": frozenset({"day"}),
        # For those who want to hear more.
        "remark": frozenset(),
        "listed_one": frozenset({"day", "titles", "time"}),
        "listed": frozenset({"day", "count", "list"}),
        # Parts of a sentence, around a title.
        "maybe": frozenset({"title"}),
        "until": frozenset({"title", "time"}),
        "entry": frozenset({"title", "time"}),
        # Before what is said to one of several listeners.
        "addressed": frozenset({"name"}),
    }
)
# What may have the time besides.
_MAY_HAVE_TIME = frozenset({"before_one", "before_many", "start", "brief_before", "brief_start", "leave"})
# Parts of a sentence; every other phrase has variants.
PARTS = frozenset({"maybe", "until", "entry", "addressed"})
NAMES = ("id", "language", "name", "native_name", "example")
SUBSTITUTES = ("private", "untitled", "birthday", "own_birthday")


def problems_of(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with the data of a phrasebook, each as the key in the file and what to do."""
    return [*_heading_problems(data), *_phrase_problems(data)]


def variants_of(value: Any) -> list[Any]:
    """Return the variants of a phrase, which may be one sentence or a list."""
    return value if isinstance(value, list) else [value]


def _heading_problems(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in (*NAMES, *SUBSTITUTES):
        if not isinstance(data.get(key), str):
            yield key, f'is missing; add {key} = "…" at the top of the file'
    if data.get("language", "en") not in ("ja", "en"):
        yield "language", 'must be "ja" or "en"'
    for key in data.keys() - {*NAMES, *SUBSTITUTES, "voices", "phrases", "spoken"}:
        yield key, "is unknown; remove it, or move it below [phrases]"
    spoken = data.get("spoken", {})
    if not isinstance(spoken, dict):
        yield "spoken", "must be a table of spellings, [spoken]"
        return
    for word, spelling in spoken.items():
        if not (word and isinstance(spelling, str) and not set("{}") & set(word + spelling)):
            yield f"spoken.{word}", "must be a word and its spelling, without placeholders"


def _phrase_problems(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    phrases = data.get("phrases", {})
    if not isinstance(phrases, dict):
        yield "phrases", "must be a table, [phrases]"
        return
    for kind in REQUIRED:
        if kind not in phrases:
            yield kind, f"is missing; add it below [phrases], with {_placeholders(kind) or 'no placeholder'}"
    for kind, value in phrases.items():
        if kind not in REQUIRED:
            yield kind, f"is no kind of phrase; the kinds are {', '.join(REQUIRED)}"
            continue
        variants = variants_of(value)
        if not variants:
            yield kind, "has no variant"
        for number, text in enumerate(variants, 1):
            if problem := _problem_of(text, kind):
                yield kind + (f", variant {number}" if len(variants) > 1 else ""), problem


def _problem_of(text: object, kind: str) -> str:
    """Return what is wrong with one variant; "" if nothing."""
    if not isinstance(text, str) or not text.strip():
        return "must be a sentence"
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        return f"has unbalanced braces ({error})"
    found = {(name or "").lower() for _, name, _, _ in parts}
    allowed = REQUIRED[kind] | {"time"} if kind in _MAY_HAVE_TIME else REQUIRED[kind]
    for name in sorted(found - allowed):
        return f"has the unknown placeholder {{{name}}}; it may have {_placeholders(kind) or 'none'}"
    if absent := REQUIRED[kind] - found:
        return f"lacks {', '.join(f'{{{name}}}' for name in sorted(absent))}"
    if any(spec or conversion for _, _, spec, conversion in parts):
        return "has a placeholder with a format; write only its name"
    return ""


def _placeholders(kind: str) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(REQUIRED[kind]))
