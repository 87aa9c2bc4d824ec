"""Partial responses: `fields=items(id,start/dateTime),nextPageToken`.

Source: "Partial resources" in the Calendar performance guide. A selection that cannot be read is a 400; a
name that does not exist selects nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from google_sandbox.errors import ApiError

TOKENS = re.compile(r"[A-Za-z0-9_\-.@*$:]+|[(),/]")
DEEPEST = 20
Selection = dict[str, Any]


@lru_cache(maxsize=512)
def parse(text: str) -> Selection:
    """Return the tree of a selection; an empty tree below a name means all of it.

    Raises:
        ApiError: 400, if the selection cannot be read.
    """
    compact = "".join(text.split())
    tokens = TOKENS.findall(compact)
    if "".join(tokens) != compact or len(tokens) > 5000:
        raise _unreadable(text)
    tree, rest = _list(tokens, 0, text, 0)
    if rest != len(tokens):
        raise _unreadable(text)
    return tree


def select(value: Any, selection: Selection) -> Any:
    """Return the selected part of a value; lists are selected item by item."""
    if not selection or ("*" in selection and not selection["*"]):
        return value
    if isinstance(value, list):
        return [select(item, selection) for item in value]
    if not isinstance(value, dict):
        return value
    everything = selection.get("*")
    wanted: Selection = dict.fromkeys(value, everything) if everything is not None else {}
    wanted |= {name: selection[name] for name in value if name in selection}
    return {name: select(value[name], wanted[name]) for name in value if name in wanted}


def _list(tokens: list[str], at: int, text: str, depth: int) -> tuple[Selection, int]:
    if depth > DEEPEST:
        raise _unreadable(text)
    tree: Selection = {}
    while True:
        at = _path(tokens, at, text, depth, tree)
        if at < len(tokens) and tokens[at] == ",":
            at += 1
            continue
        return tree, at


def _path(tokens: list[str], at: int, text: str, depth: int, tree: Selection) -> int:
    if at >= len(tokens) or tokens[at] in "(),/":
        raise _unreadable(text)
    name = tokens[at]
    at += 1
    below: Selection = {}
    if at < len(tokens) and tokens[at] == "/":
        if depth > DEEPEST:
            raise _unreadable(text)
        at = _path(tokens, at + 1, text, depth + 1, below)
    elif at < len(tokens) and tokens[at] == "(":
        below, at = _list(tokens, at + 1, text, depth + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise _unreadable(text)
        at += 1
    if name not in tree:
        tree[name] = below
    elif tree[name] and below:
        tree[name] = _both(tree[name], below)
    else:
        tree[name] = {}
    return at


def _both(one: Selection, other: Selection) -> Selection:
    merged = {**one}
    for name, below in other.items():
        merged[name] = _both(merged[name], below) if merged.get(name) and below else {}
    return merged


def _unreadable(text: str) -> ApiError:
    return ApiError(
        400, "invalidParameter", f"Invalid field selection {text[:80]}", location=("parameter", "fields")
    )
