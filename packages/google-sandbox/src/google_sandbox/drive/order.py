"""The order of `files.list`: `orderBy=folder,modifiedTime desc`.

Source: drive.v3 discovery document. Without `orderBy` the file changed last comes first (choice).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from google_sandbox.drive.files import FOLDER
from google_sandbox.drive.query import Candidate, invalid
from google_sandbox.errors import ApiError

Shown = Mapping[str, Any]
KEYS: Mapping[str, Callable[[Shown], Any]] = {
    "createdTime": lambda file: file["createdTime"],
    "folder": lambda file: file["mimeType"] != FOLDER,
    "modifiedByMeTime": lambda file: file["modifiedTime"],
    "modifiedTime": lambda file: file["modifiedTime"],
    "name": lambda file: file["name"],
    "name_natural": lambda file: _natural(file["name"]),
    "quotaBytesUsed": lambda file: int(file.get("quotaBytesUsed", "0")),
    "recency": lambda file: file["modifiedTime"],
    "sharedWithMeTime": lambda file: "",
    "starred": lambda file: not file["starred"],
    "viewedByMeTime": lambda file: file.get("viewedByMeTime", ""),
}


def in_order(found: list[Candidate], order: str, full_text: bool) -> list[Candidate]:
    """Return files in an order.

    Raises:
        ApiError: 400, if the order cannot be read, or the query asks for `fullText`.
    """
    parts = [part.split() for part in order.split(",") if part.strip()]
    if any(part[0] not in KEYS or part[1:] not in ([], ["desc"]) for part in parts):
        raise invalid("orderBy")
    if parts and full_text:
        text = (
            "Sorting is not supported for queries with fullText terms. "
            "Results are always in descending relevance order."
        )
        raise ApiError(400, "badRequest", text, location=("parameter", "orderBy"))
    found = sorted(found, key=lambda file: (file.shown["modifiedTime"], file.shown["id"]), reverse=True)
    for name, *direction in reversed(parts):
        key = KEYS[name]
        found.sort(key=lambda file: key(file.shown), reverse=bool(direction))
    return found


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    ]
