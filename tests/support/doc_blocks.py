"""The fenced blocks of the documentation, the lines of its shell blocks, and which test holds each.

`tests/docs/claims.toml` names the tests of blocks and lines that tests/docs does not check by their language.
"""

import re
import shlex
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CLAIMS: dict[str, list[dict[str, str]]] = tomllib.loads((ROOT / "tests" / "docs" / "claims.toml").read_text())
_PATTERNS = ("*.md", "docs/**/*.md", "packages/*/*.md", "packages/*/docs/**/*.md", "deploy/**/*.md")
PAGES = sorted({str(page.relative_to(ROOT)) for pattern in _PATTERNS for page in ROOT.glob(pattern)})
_FENCE = re.compile(r"^( *)(```+)([^\n]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Block:
    """A fenced block: `language` is the first word after its fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def claim(self) -> dict[str, str] | None:
        """The entry of claims.toml that names its test."""
        fits = [one for one in CLAIMS["block"] if one["page"] == self.page and one["has"] in self.text]
        return fits[0] if fits else None


@cache
def blocks(language: str | None = None) -> tuple[Block, ...]:
    """Return the blocks of all pages, or those of one language that no entry of claims.toml has."""
    found = tuple(block for page in PAGES for block in _blocks_of(page))
    if language is None:
        return found
    return tuple(block for block in found if block.language == language and block.claim is None)


def _blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [
        Block(page, text.count("\n", 0, fence.start()) + 1, fence[3].strip(), _dedented(fence[4], fence[1]))
        for fence in _FENCE.finditer(text)
    ]


def _dedented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


def commands(text: str) -> list[str]:
    """Return the commands of a shell block: lines that belong together as one, comments left out."""
    found, begun = [], ""
    for line in text.splitlines():
        begun = f"{begun}\n{line}" if begun else line
        if not begun.strip() or begun.lstrip().startswith("#"):
            begun = ""
        elif not line.endswith("\\") and _is_whole(begun):
            found.append(begun)
            begun = ""
    return [*found, begun] if begun else found


def _is_whole(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def words(command: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables set before a command (or by `export`), and its words; no folders of programs."""
    split = shlex.split(command.replace("\\\n", " "), comments=True)
    exported = split[:1] == ["export"]
    split = split[1:] if exported else split
    variables = {}
    while split and _ASSIGNMENT.match(split[0]):
        name, _, value = split.pop(0).partition("=")
        variables[name] = value
    return variables, [Path(split[0]).name, *split[1:]] if split else []


def claim_of(command: str) -> dict[str, str] | None:
    """Return the entry of claims.toml for a command line that is not run here."""
    fits: list[dict[str, Any]] = [one for one in CLAIMS["line"] if re.match(one["line"], command)]
    return fits[0] if fits else None
