"""Access of an app to an account's Drive files, and their serialisation.

Source: drive.v3 discovery document; guide "Choose Google Drive API scopes": `drive.file` opens what the app
made itself, `drive.appdata` its own data folder and nothing else, and no other scope opens that folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google_sandbox.drive.files import APPDATA, DRIVE, FOLDER, Files, StoredFile
from google_sandbox.drive.query import Candidate
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.timestamps import format_timestamp

SEE_ALL = frozenset({scopes.DRIVE, scopes.DRIVE_READ, scopes.DRIVE_METADATA, scopes.DRIVE_METADATA_READ})
SEE = {DRIVE: SEE_ALL | {scopes.DRIVE_FILE}, APPDATA: frozenset({scopes.DRIVE_APPDATA})}
CHANGE = frozenset({scopes.DRIVE, scopes.DRIVE_FILE, scopes.DRIVE_APPDATA})
CONTENT = CHANGE | {scopes.DRIVE_READ}
READ = SEE_ALL | CHANGE


@dataclass(frozen=True, slots=True)
class Viewer:
    """An app's access to the files of an account, with the scopes it was granted."""

    account: SandboxAccount
    project: str
    scopes: frozenset[str]
    files: Files

    @classmethod
    def of(cls, call: Call) -> Viewer:
        """Return the viewer of a request."""
        assert call.account is not None and call.token is not None
        return cls(call.account, call.token.project, call.token.scopes, call.state.drive)

    def spaces(self, names: Iterable[str], location: str) -> list[str]:
        """Check the spaces a request names.

        Raises:
            ApiError: 400 for an unknown one, 403 for one the scopes do not open.
        """
        named = [name.strip() for name in names]
        for name in named:
            if name not in SEE:
                raise bad_parameter(location, f"Invalid Value: {name[:40]}")
            if self.scopes.isdisjoint(SEE[name]):
                text = "The granted scopes do not give access to all of the requested spaces."
                raise ApiError(403, "insufficientScopes", text, location=("parameter", location))
        return named

    def sees(self, file: StoredFile) -> bool:
        """Return whether a file exists for this app."""
        if file.sub != self.account.sub or self.scopes.isdisjoint(SEE[file.space]):
            return False
        if file.space == APPDATA:
            return file.project == self.project
        return file.project == self.project or not self.scopes.isdisjoint(SEE_ALL)

    def find(self, file_id: str) -> StoredFile:
        """Return a file by its id or alias.

        Raises:
            ApiError: 404, if there is none that this app sees.
        """
        file = self.files.named(self.account.sub, self.project, file_id)
        if file is None or not self.sees(file):
            text = f"File not found: {file_id[:200]}."
            raise ApiError(404, "notFound", text, location=("parameter", "fileId"))
        return file

    def find_to_change(self, file_id: str) -> StoredFile:
        """Return a file this app may change.

        Raises:
            ApiError: 404 if there is none, 403 if it may only be seen, or is the top of its space.
        """
        file = self.find(file_id)
        may = scopes.DRIVE in self.scopes or file.space == APPDATA
        if not may and not (scopes.DRIVE_FILE in self.scopes and file.project == self.project):
            text = "The user has not granted the app write access to the file."
            raise ApiError(403, "appNotAuthorizedToFile", f"{text[:-1]} {file.id}.")
        if file.id not in self.files.by_id:
            text = "The user does not have sufficient permissions for this file."
            raise ApiError(403, "insufficientFilePermissions", text)
        return file

    def aliases(self) -> dict[str, str]:
        """Return the ids the names of folders stand for in queries."""
        top = self.files.top
        ids = {space: top(self.account.sub, self.project, space).id for space in (DRIVE, APPDATA)}
        return {"root": ids[DRIVE], APPDATA: ids[APPDATA], "appfolder": ids[APPDATA]}

    def file_resource(self, file: StoredFile) -> dict[str, Any]:
        """Return every field Drive would show of a file."""
        top = file.id not in self.files.by_id
        me = user(self.account)
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": file.id,
            "name": "Untitled",
            "starred": False,
            "spaces": [file.space],
            "version": str(file.version),
            "createdTime": format_timestamp(file.created_at),
            "modifiedTime": format_timestamp(file.modified_at),
            "modifiedByMeTime": format_timestamp(file.modified_at),
            "modifiedByMe": True,
            "viewedByMe": file.viewed_at is not None,
            "ownedByMe": True,
            "owners": [me],
            "lastModifyingUser": me,
            "shared": False,
            "isAppAuthorized": file.project == self.project,
            "capabilities": _capabilities(file, top),
            **{name: value for name, value in file.metadata.items() if value != {}},
            "mimeType": file.mime,
            "trashed": self.files.trashed(file),
            "explicitlyTrashed": bool(file.metadata.get("trashed")),
        }
        if not top:
            parent = file.parent or self.files.top(file.sub, file.project, file.space).id
            shown["parents"] = [parent]
        if file.viewed_at is not None:
            shown["viewedByMeTime"] = format_timestamp(file.viewed_at)
        if own := file.app_properties.get(self.project):
            shown["appProperties"] = own
        return shown | _content(file, str(shown["name"]))

    def candidate(self, file: StoredFile) -> Candidate:
        """Return a file as queries look at it."""
        shown = self.file_resource(file)
        content = (file.content or b"").decode("utf-8", "replace") if _is_text(file.mime) else ""
        text = "\n".join([str(shown["name"]), str(shown.get("description", "")), content])
        return Candidate(shown, text)

    def list_of(self, spaces: list[str]) -> list[StoredFile]:
        """Return the files of some spaces."""
        return [file for file in self.files.by_id.values() if file.space in spaces and self.sees(file)]


def user(account: SandboxAccount) -> dict[str, Any]:
    """Return an account as Drive shows people."""
    digest = hashlib.sha256(account.sub.encode()).digest()
    return {
        "kind": "drive#user",
        "displayName": account.name,
        "me": True,
        "permissionId": f"{int.from_bytes(digest[:8], 'big'):020d}",
        "emailAddress": account.email,
    }


def _is_text(mime: str) -> bool:
    return mime.startswith("text/") or mime.endswith(("json", "xml", "javascript", "octet-stream"))


def _capabilities(file: StoredFile, top: bool) -> dict[str, bool]:
    folder = file.mime == FOLDER
    return {
        "canAddChildren": folder,
        "canListChildren": folder,
        "canCopy": not folder,
        "canDelete": not top,
        "canDownload": file.content is not None,
        "canEdit": True,
        "canRename": not top,
        "canShare": file.space == DRIVE and not top,
        "canTrash": file.space == DRIVE and not top,
        "canUntrash": file.space == DRIVE and not top,
    }


def _content(file: StoredFile, name: str) -> dict[str, Any]:
    if file.content is None:
        return {"quotaBytesUsed": "0"}
    digest = hashlib.md5(file.content, usedforsecurity=False).hexdigest()
    extension = re.search(r"\.([^.]+)$", name)
    return {
        "size": str(len(file.content)),
        "quotaBytesUsed": str(len(file.content)),
        "md5Checksum": digest,
        "sha1Checksum": hashlib.sha1(file.content, usedforsecurity=False).hexdigest(),
        "sha256Checksum": hashlib.sha256(file.content).hexdigest(),
        "originalFilename": file.metadata.get("originalFilename", name),
        "headRevisionId": f"0B{digest[:20]}",
        "fileExtension": extension[1] if extension else "",
        "fullFileExtension": extension[1] if extension else "",
    }
