"""The words of this project are the field's: private ones that once hid the code must not come back."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Word → what to say instead. docs/glossary.md has the terms.
PRIVATE = {
    "courier": "delivery queue: that is what sends messages later",
    "diar(?:y|ies)": "calendar, or calendar store: Google's own word, which people search for",
    "door": "the application, client or API under test: three different things were called so",
    "embrace": "deadlock: PostgreSQL's word",
    "house": "the application: a reader looks for an app",
    "parcel": "message",
    "powers": "admin methods, or the admin API",
    "shelf": "the local copy, store or sync state",
    "upkeep": "maintenance",
    "whatever goes": "say what is accepted",
    "whoever": "the caller, user, operator or client: a reader must know which",
    "workshop": "command-line context",
}
WRITTEN_IN = {".py", ".js", ".md", ".html"}
LEFT_OUT = {"node_modules", "versions"}


def _texts() -> Iterator[tuple[str, str]]:
    for top in ("src", "packages", "tests", "bench", "examples", "docs"):
        for file in sorted((ROOT / top).rglob("*")):
            name = file.relative_to(ROOT).as_posix()
            if file.suffix in WRITTEN_IN and file != Path(__file__) and LEFT_OUT.isdisjoint(file.parts):
                yield name, file.read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md"):
        yield name, (ROOT / name).read_text(encoding="utf-8")


def test_no_private_word_is_back() -> None:
    pattern = re.compile(rf"(?<![a-z])(?:{'|'.join(PRIVATE)})s?(?![a-z])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {match[0]!r}; say instead: {_instead(match[0])}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
    ]
    assert not found, "\n".join(found)


def _instead(word: str) -> str:
    return next(
        instead for private, instead in PRIVATE.items() if re.fullmatch(f"{private}s?", word, re.IGNORECASE)
    )


def test_a_private_word_would_be_found() -> None:
    assert _instead("Diaries") == PRIVATE["diar(?:y|ies)"]
    assert len(list(_texts())) > 500
