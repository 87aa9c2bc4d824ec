"""Files in Drive: each app has its own `appDataFolder` per account.

Source: drive.v3 discovery document. It refuses sharing, revisions and folders.
"""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catflap.sandbox.calendar.moments import parse_instant, stamp
from catflap.sandbox.call import Refusal

APPDATA = "appDataFolder"
TERM = re.compile(
    r"\s*(?:not\s+)?(?:(?P<left>'(?:[^'\\]|\\.)*')\s+in\s+(?P<in>parents)"
    r"|(?P<name>name|mimeType|trashed|modifiedTime|createdTime|fullText)\s*"
    r"(?P<op>=|!=|<=|>=|<|>|contains)\s*(?P<value>'(?:[^'\\]|\\.)*'|true|false))\s*"
)
ORDERS = (
    "name",
    "name_natural",
    "modifiedTime",
    "createdTime",
    "modifiedByMeTime",
    "folder",
    "quotaBytesUsed",
)
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
WRITABLE = {"name": str, "mimeType": str, "description": str, "starred": bool, "trashed": bool}
MAPS = ("properties", "appProperties")


@dataclass(slots=True, eq=False)
class StoredFile:
    """A file and its content; `project` is the app it belongs to."""

    id: str
    sub: str
    project: str
    space: str
    created_at: datetime
    modified_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    version: int = 1

    def resource(self) -> dict[str, Any]:
        """Return every field Drive would show."""
        content = self.content if self.content is not None else b""
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": self.id,
            "name": "Untitled",
            "mimeType": "application/octet-stream",
            "starred": False,
            "trashed": False,
            "parents": [APPDATA if self.space == APPDATA else "root"],
            "spaces": [self.space],
            "version": str(self.version),
            "createdTime": stamp(self.created_at),
            "modifiedTime": stamp(self.modified_at),
            "ownedByMe": True,
            **self.metadata,
        }
        if self.content is not None:
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            shown |= {
                "size": str(len(content)),
                "quotaBytesUsed": str(len(content)),
                "md5Checksum": digest,
                "sha1Checksum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                "sha256Checksum": hashlib.sha256(content).hexdigest(),
                "originalFilename": shown["name"],
                "headRevisionId": f"0B{digest[:20]}",
            }
        return shown


class Files:
    """Every file, by id."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.by_id: dict[str, StoredFile] = {}

    def create(self, file_id: str, sub: str, project: str, space: str, body: dict[str, Any]) -> StoredFile:
        """Add a file.

        Raises:
            Refusal: 400 for metadata of a wrong type, 409 for an id that exists.
        """
        if file_id in self.by_id:
            raise Refusal(409, "fileIdInUse", "A file already exists with the provided ID.")
        file = StoredFile(file_id, sub, project, space, self._now(), self._now())
        self._write(file, body)
        self.by_id[file_id] = file
        return file

    def update(self, file: StoredFile, body: dict[str, Any], content: bytes | None, mime: str | None) -> None:
        """Change metadata, content, or both.

        Raises:
            Refusal: 400, for metadata of a wrong type.
        """
        self._write(file, body)
        if content is not None:
            file.content = content
            if mime and "mimeType" not in body:
                file.metadata["mimeType"] = mime
        file.version += 1
        file.modified_at = self._now()

    def _write(self, file: StoredFile, body: dict[str, Any]) -> None:
        for name, kind in WRITABLE.items():
            if body.get(name) is not None:
                if not isinstance(body[name], kind):
                    raise Refusal(400, "invalid", f"Invalid value for field '{name}'.")
                file.metadata[name] = body[name]
        for name in MAPS:
            if body.get(name) is not None:
                given = body[name]
                if not isinstance(given, dict) or not all(
                    v is None or isinstance(v, str) for v in given.values()
                ):
                    raise Refusal(400, "invalid", f"Invalid value for field '{name}'.")
                merged = {**file.metadata.get(name, {}), **given}
                file.metadata[name] = {k: v for k, v in merged.items() if v is not None}

    def find(self, sub: str, project: str, file_id: str) -> StoredFile:
        """Return a file of this account and app.

        Raises:
            Refusal: 404, if there is none.
        """
        file = self.by_id.get(file_id)
        if file is None or file.sub != sub or (file.space == APPDATA and file.project != project):
            raise Refusal(
                404, "notFound", f"File not found: {file_id[:200]}.", location=("parameter", "fileId")
            )
        return file

    def search(self, sub: str, project: str, spaces: list[str], query: str, order: str) -> list[StoredFile]:
        """Return the files of these spaces that fit a query, in order.

        Raises:
            Refusal: 400, for a query or an order that cannot be read.
        """
        mine = [
            file
            for file in self.by_id.values()
            if file.sub == sub and file.space in spaces and (file.space != APPDATA or file.project == project)
        ]
        terms = _terms(query)
        found = [file for file in mine if all(term(file.resource()) for term in terms)]
        return _ordered(found, order)


def _terms(query: str) -> list[Callable[[dict[str, Any]], bool]]:
    at, terms = 0, []
    while query.strip() and at <= len(query):
        match = TERM.match(query, at)
        if not match:
            raise _invalid("q")
        terms.append(_term(match))
        at = match.end()
        if at == len(query):
            break
        if not (joint := re.compile(r"and\b").match(query, at)):
            raise _invalid("q")
        at = joint.end()
    return terms


def _term(match: re.Match[str]) -> Callable[[dict[str, Any]], bool]:
    negated = match[0].lstrip().startswith("not ")
    if match["in"]:
        parent = _unquoted(match["left"])
        return lambda file: (parent in file["parents"]) is not negated
    name, op, value = match["name"], match["op"], _unquoted(match["value"])
    if name in ("modifiedTime", "createdTime"):
        try:
            value = stamp(parse_instant(value if value[-1:] in "Zz" or "+" in value else value + "Z"))
        except ValueError:
            raise _invalid("q") from None
    if name == "trashed" and op not in ("=", "!="):
        raise _invalid("q")
    return lambda file: _compare(str(file.get(name, "")), op, value) is not negated


def _compare(left: str, op: str, right: str) -> bool:
    if op == "contains":
        return right.casefold() in left.casefold()
    if left in ("True", "False"):
        left = left.lower()
    return OPERATORS[op](left, right)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith("'") else text


def _ordered(files: list[StoredFile], order: str) -> list[StoredFile]:
    files = sorted(files, key=lambda file: (file.modified_at, file.id), reverse=True)
    for part in reversed([part for part in order.split(",") if part.strip()]):
        name, _, direction = part.strip().partition(" ")
        if name not in ORDERS or direction.strip() not in ("", "desc"):
            raise _invalid("orderBy")
        field_name = {"name_natural": "name", "modifiedByMeTime": "modifiedTime", "folder": "kind"}.get(
            name, name
        )
        files = sorted(
            files, key=lambda f: str(f.resource().get(field_name, "")), reverse=bool(direction.strip())
        )
    return files


def _invalid(name: str) -> Refusal:
    return Refusal(400, "invalid", "Invalid Value", location=("parameter", name))
