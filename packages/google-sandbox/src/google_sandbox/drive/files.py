"""Files and folders in Drive: each app has its own `appDataFolder` per account, beside "My Drive".

Source: drive.v3 discovery document; guide "Store application-specific data" for what is refused there:
trashing, moving out, Google's own document types. Sharing, revisions and shared drives are left out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google_sandbox.errors import ApiError
from google_sandbox.timestamps import parse_timestamp

APPDATA, DRIVE = "appDataFolder", "drive"
ALIASES = {"root": DRIVE, APPDATA: APPDATA, "appfolder": APPDATA}
FOLDER = "application/vnd.google-apps.folder"
GOOGLES_OWN = "application/vnd.google-apps."
OPENED = datetime(2012, 4, 24, tzinfo=UTC)
WRITABLE = {
    "name": str,
    "mimeType": str,
    "description": str,
    "originalFilename": str,
    "folderColorRgb": str,
    "starred": bool,
    "trashed": bool,
    "copyRequiresWriterPermission": bool,
    "writersCanShare": bool,
}
TIMES = ("createdTime", "modifiedTime", "viewedByMeTime")


@dataclass(slots=True, eq=False)
class StoredFile:
    """A file or folder and its content; `project` is the app that made it.

    `parent` is the id of a folder, empty for what lies at the top of its space. `app_properties` are kept by
    project, since each app sees its own.
    """

    id: str
    sub: str
    project: str
    space: str
    created_at: datetime
    modified_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    version: int = 1
    parent: str = ""
    app_properties: dict[str, dict[str, str]] = field(default_factory=dict)
    viewed_at: datetime | None = None

    @property
    def mime(self) -> str:
        """The MIME type."""
        return str(self.metadata.get("mimeType", "application/octet-stream"))


@dataclass(slots=True, eq=False)
class FileChange:
    """The latest change of a file, as `changes.list` shows it."""

    number: int
    file_id: str
    sub: str
    project: str
    space: str
    at: datetime
    removed: bool


class Files:
    """Every file, by id, and the latest change of each, the oldest first."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.by_id: dict[str, StoredFile] = {}
        self.changes: dict[str, FileChange] = {}
        self.last_change = 0

    def top(self, sub: str, project: str, space: str) -> StoredFile:
        """Return the folder at the top of a space: "My Drive", or an app's data folder."""
        owner = project if space == APPDATA else ""
        digest = base64.urlsafe_b64encode(hashlib.sha256(f"{sub}/{space}/{owner}".encode()).digest()).decode()
        file_id, name = (
            ("1" + digest[:32], "Application Data")
            if space == APPDATA
            else (f"0A{digest[:12]}Uk9PVA", "My Drive")
        )
        return StoredFile(file_id, sub, project, space, OPENED, OPENED, {"name": name, "mimeType": FOLDER})

    def named(self, sub: str, project: str, file_id: str) -> StoredFile | None:
        """Return the file of an id or alias, also the folders at the top; its owner is not checked."""
        if file_id in ALIASES:
            return self.top(sub, project, ALIASES[file_id])
        for space in (DRIVE, APPDATA):
            top = self.top(sub, project, space)
            if top.id == file_id:
                return top
        return self.by_id.get(file_id)

    def add(self, file: StoredFile) -> StoredFile:
        """Store a new file.

        Raises:
            ApiError: 409, if its id exists.
        """
        if file.id in self.by_id:
            raise ApiError(409, "fileIdInUse", "A file already exists with the provided ID.")
        self.by_id[file.id] = file
        self.note(file)
        return file

    def save(self, file: StoredFile, body: dict[str, Any], content: bytes | None, mime: str | None) -> None:
        """Record a change of content; `body` is what was written to the metadata before."""
        if content is not None:
            file.content = content
            if mime and "mimeType" not in body:
                file.metadata["mimeType"] = mime
        file.version += 1
        if "modifiedTime" not in body:
            file.modified_at = self._now()
        self.note(file)

    def remove(self, file: StoredFile) -> None:
        """Delete a file for good, with everything in it if it is a folder."""
        for inner in list(self.within(file)):
            del self.by_id[inner.id]
            self.note(inner, removed=True)

    def within(self, file: StoredFile) -> Iterator[StoredFile]:
        """Yield a file and, if it is a folder, everything in it."""
        waiting = [file]
        while waiting:
            inner = waiting.pop()
            yield inner
            if inner.mime == FOLDER:
                waiting += [child for child in self.by_id.values() if child.parent == inner.id]

    def trashed(self, file: StoredFile) -> bool:
        """Return whether a file, or a folder it is in, is in the trash."""
        inner: StoredFile | None = file
        while inner is not None:
            if inner.metadata.get("trashed"):
                return True
            inner = self.by_id.get(inner.parent)
        return False

    def note(self, file: StoredFile, removed: bool = False) -> None:
        """Record that a file changed."""
        self.last_change += 1
        self.changes.pop(file.id, None)
        self.changes[file.id] = FileChange(
            self.last_change, file.id, file.sub, file.project, file.space, self._now(), removed
        )

    def restore_changes(self, changes: list[FileChange]) -> None:
        """Restore changes read from a state file."""
        self.changes = {change.file_id: change for change in sorted(changes, key=lambda c: c.number)}
        self.last_change = max((change.number for change in changes), default=0)


def write(file: StoredFile, body: dict[str, Any], project: str) -> None:
    """Write the metadata of a request into a file; `null` takes a value away.

    Raises:
        ApiError: 400 for a value of a wrong type, 403 for what an app's data folder cannot do.
    """
    for name, kind in WRITABLE.items():
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise _invalid(name)
    maps = {name: _map(name, body[name]) for name in ("properties", "appProperties") if body.get(name)}
    times = {name: _time(name, body[name]) for name in TIMES if body.get(name) is not None}
    if file.space == APPDATA and (body.get("trashed") or _is_googles(body.get("mimeType"))):
        raise not_in_app_folder()
    for name in WRITABLE:
        if name in body:
            file.metadata[name] = body[name]
            if body[name] is None:
                del file.metadata[name]
    file.created_at = times.get("createdTime", file.created_at)
    file.modified_at = times.get("modifiedTime", file.modified_at)
    file.viewed_at = times.get("viewedByMeTime", file.viewed_at)
    if "properties" in maps:
        file.metadata["properties"] = _merged(file.metadata.get("properties", {}), maps["properties"])
    if "appProperties" in maps:
        file.app_properties[project] = _merged(file.app_properties.get(project, {}), maps["appProperties"])


def not_in_app_folder() -> ApiError:
    """Return the 403 for what files in an app's data folder cannot do."""
    text = "Method not supported for files within the Application Data folder."
    return ApiError(403, "notSupportedForAppDataFolderFiles", text)


def _is_googles(mime: object) -> bool:
    return isinstance(mime, str) and mime.startswith(GOOGLES_OWN) and mime != FOLDER


def _map(name: str, given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict) or not all(v is None or isinstance(v, str) for v in given.values()):
        raise _invalid(name)
    return given


def _merged(before: dict[str, str], given: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**before, **given}.items() if value is not None}


def _time(name: str, given: Any) -> datetime:
    try:
        return parse_timestamp(given, UTC)
    except (ValueError, TypeError):
        raise _invalid(name) from None


def _invalid(name: str) -> ApiError:
    return ApiError(400, "invalid", f"Invalid value for field '{name}'.")
