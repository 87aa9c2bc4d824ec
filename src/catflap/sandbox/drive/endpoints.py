"""The files endpoints of Drive v3, uploads included.

Sources: drive.v3 discovery document; Drive guide "Upload file data" for media, multipart and resumable
uploads. Without `fields` a file shows `kind, id, name, mimeType` (choice: the documentation does not say).
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import tokens
from catflap.sandbox.call import Call, Refusal, as_json, bad_parameter, no_content
from catflap.sandbox.drive.files import APPDATA, StoredFile
from catflap.sandbox.fields import parse, select
from catflap.sandbox.oauth import scopes

ALL = frozenset({scopes.DRIVE, scopes.DRIVE_FILE, scopes.DRIVE_APPDATA})
SPACES = {"drive": {scopes.DRIVE, scopes.DRIVE_FILE}, APPDATA: {scopes.DRIVE, scopes.DRIVE_APPDATA}}
FILES, UPLOAD = "/drive/v3/files", "/upload/drive/v3/files"
FILE_FIELDS = "kind,id,name,mimeType"
LIST_FIELDS = f"kind,incompleteSearch,nextPageToken,files({FILE_FIELDS})"
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15}|\*)")
MOST_UPLOADS = 1000


@dataclass(slots=True)
class Upload:
    """A resumable upload under way."""

    sub: str
    body: dict[str, Any]
    mime: str | None
    file_id: str | None
    content: bytearray = field(default_factory=bytearray)


def _who(call: Call) -> tuple[str, str]:
    assert call.token is not None
    return call.token.sub, call.token.project


def _show(call: Call, value: dict[str, Any], default: str) -> Response:
    return as_json(select(value, parse(call.query.get("fields") or default)))


def _check_space(call: Call, space: str, location: str) -> None:
    assert call.token is not None
    if space not in SPACES:
        raise bad_parameter(location, f"Invalid Value: {space[:40]}")
    if call.token.scopes.isdisjoint(SPACES[space]):
        text = "The granted scopes do not give access to all of the requested spaces."
        raise Refusal(403, "insufficientScopes", text, location=("parameter", location))


def listed(call: Call) -> Response:
    """files.list"""
    spaces = [space.strip() for space in (call.query.get("spaces") or "drive").split(",")]
    for space in spaces:
        _check_space(call, space, "spaces")
    most = call.number("pageSize", 100, 1, 1000)
    query, order = call.query.get("q", ""), call.query.get("orderBy", "")
    found = call.world.drive.search(*_who(call), spaces, query, order)
    start = 0
    if "pageToken" in call.query:
        parts = tokens.unpack("files", call.query["pageToken"], (int,))
        if not parts or parts[0] < 0:
            raise Refusal(400, "invalid", "Invalid Value", location=("parameter", "pageToken"))
        start = parts[0]
    value: dict[str, Any] = {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [file.resource() for file in found[start : start + most]],
    }
    if start + most < len(found):
        value["nextPageToken"] = tokens.pack("files", start + most)
    return _show(call, value, LIST_FIELDS)


def got(call: Call) -> Response:
    """files.get; the content with `alt=media`"""
    file = call.world.drive.find(*_who(call), call.path["fileId"])
    if call.query.get("alt") != "media":
        return _show(call, file.resource(), FILE_FIELDS)
    if file.content is None:
        text = "Only files with binary content can be downloaded."
        raise Refusal(403, "fileNotDownloadable", text, location=("parameter", "alt"))
    mime = str(file.resource()["mimeType"])
    media_type = mime if mime.isascii() and mime.isprintable() else "application/octet-stream"
    match = RANGE.fullmatch(call.header("range") or "")
    if not match:
        return Response(file.content, 200, media_type=media_type)
    first, last = int(match[1]), min(int(match[2] or len(file.content)), len(file.content) - 1)
    if first > last:
        headers = {"content-range": f"bytes */{len(file.content)}"}
        text = "Request range not satisfiable"
        raise Refusal(
            416, "requestedRangeNotSatisfiable", text, location=("header", "Range"), headers=headers
        )
    headers = {"content-range": f"bytes {first}-{last}/{len(file.content)}"}
    return Response(file.content[first : last + 1], 206, headers, media_type)


def created(call: Call) -> Response:
    """files.create without content"""
    return _show(call, _create(call, call.json(), None, None).resource(), FILE_FIELDS)


def updated(call: Call) -> Response:
    """files.update without content"""
    return _show(call, _save(call, call.path["fileId"], call.json(), None, None).resource(), FILE_FIELDS)


def deleted(call: Call) -> Response:
    """files.delete"""
    file = call.world.drive.find(*_who(call), call.path["fileId"])
    del call.world.drive.by_id[file.id]
    return no_content()


def generated(call: Call) -> Response:
    """files.generateIds"""
    ids = [_new_id(call) for _ in range(call.number("count", 10, 1, 1000))]
    space = call.query.get("space", "drive")
    return as_json({"kind": "drive#generatedIds", "space": space, "ids": ids})


def _new_id(call: Call) -> str:
    return "1" + call.world.grants.text(32)


def _create(call: Call, body: dict[str, Any], content: bytes | None, mime: str | None) -> StoredFile:
    parents = body.get("parents")
    if parents is not None and (not isinstance(parents, list) or len(parents) > 1):
        raise Refusal(400, "invalid", "A file cannot have multiple parents.")
    parent = parents[0] if parents else "root"
    if parent not in (APPDATA, "root"):
        raise Refusal(
            404, "notFound", f"File not found: {str(parent)[:200]}.", location=("parameter", "fileId")
        )
    _check_space(call, APPDATA if parent == APPDATA else "drive", "spaces")
    file_id = body.get("id") or _new_id(call)
    if not isinstance(file_id, str) or not 0 < len(file_id) <= 200:
        raise Refusal(400, "invalid", "The provided file ID is not usable.")
    space = APPDATA if parent == APPDATA else "drive"
    file = call.world.drive.create(file_id, *_who(call), space, body)
    if content is not None:
        file.content = content
        file.metadata.setdefault("mimeType", mime or "application/octet-stream")
    return file


def _save(
    call: Call, file_id: str | None, body: dict[str, Any], content: bytes | None, mime: str | None
) -> StoredFile:
    if file_id is None:
        return _create(call, body, content, mime)
    file = call.world.drive.find(*_who(call), file_id)
    call.world.drive.update(file, body, content, mime)
    return file


class Uploads:
    """Uploads of all three kinds, and the resumable ones under way."""

    def __init__(self) -> None:
        self._waiting: dict[str, Upload] = {}

    def begin(self, call: Call) -> Response:
        """files.create and files.update with content"""
        file_id = call.path.get("fileId")
        kind = call.query.get("uploadType", "media")
        mime = (call.header("content-type") or "").partition(";")[0].strip() or None
        if kind == "media":
            return _show(call, _save(call, file_id, {}, call.body, mime).resource(), FILE_FIELDS)
        if kind == "multipart":
            return _show(call, _save(call, file_id, *_related(call)).resource(), FILE_FIELDS)
        if kind == "resumable":
            return self._start(call, file_id)
        raise bad_parameter("uploadType", f"Invalid value '{kind[:40]}'.")

    def _start(self, call: Call, file_id: str | None) -> Response:
        if file_id is not None:
            call.world.drive.find(*_who(call), file_id)
        while len(self._waiting) >= MOST_UPLOADS:
            del self._waiting[next(iter(self._waiting))]
        upload_id = call.world.grants.text(40)
        mime = call.header("x-upload-content-type")
        self._waiting[upload_id] = Upload(_who(call)[0], call.json(), mime, file_id)
        path = f"{UPLOAD}/{file_id}" if file_id else UPLOAD
        query = urlencode({**call.query, "uploadType": "resumable", "upload_id": upload_id})
        headers = {"location": f"{call.world.base_url}{path}?{query}", "x-guploader-uploadid": upload_id}
        return Response(b"", 200, headers)

    def resume(self, call: Call) -> Response:
        """The next piece of a resumable upload"""
        upload_id = call.query.get("upload_id", "")
        upload = self._waiting.get(upload_id)
        if upload is None or upload.sub != _who(call)[0]:
            raise Refusal(404, "notFound", "Upload not found.")
        match = CONTENT_RANGE.fullmatch(call.header("content-range") or "")
        total: str | None = None
        if match:
            if match[1] and int(match[1]) != len(upload.content):
                return self._incomplete(upload)
            total = match[3]
        elif call.header("content-range"):
            raise Refusal(400, "badContent", "Failed to parse Content-Range header.")
        upload.content += call.body
        if total == "*" or (total is not None and len(upload.content) < int(total)):
            return self._incomplete(upload)
        del self._waiting[upload_id]
        file = _save(call, upload.file_id, upload.body, bytes(upload.content), upload.mime)
        return _show(call, file.resource(), FILE_FIELDS)

    def _incomplete(self, upload: Upload) -> Response:
        headers = {"range": f"bytes=0-{len(upload.content) - 1}"} if upload.content else {}
        return Response(b"", 308, headers)


def _related(call: Call) -> tuple[dict[str, Any], bytes, str | None]:
    content_type = call.header("content-type") or ""
    if not content_type.lower().startswith("multipart/"):
        raise Refusal(400, "badContent", "Multipart uploads need Content-Type multipart/related.")
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    parser = email.parser.BytesParser(policy=email.policy.compat32)
    parts = parser.parsebytes(head + call.body).get_payload()
    if not isinstance(parts, list) or len(parts) != 2:
        raise Refusal(400, "badContent", "Malformed multipart body.")
    metadata, media = (part for part in parts if isinstance(part, Message))
    content = media.get_payload(decode=True)
    try:
        body = json.loads(bytes(metadata.get_payload(decode=True) or b"{}") or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "parseError", "Parse Error") from None
    if not isinstance(body, dict):
        raise Refusal(400, "parseError", "Parse Error")
    return body, content if isinstance(content, bytes) else b"", media.get_content_type()


def endpoints(uploads: Uploads) -> tuple[Endpoint, ...]:
    """Return the endpoints of Drive."""
    return (
        Endpoint("drive.files.list", "GET", FILES, needs(ALL, listed)),
        Endpoint("drive.files.create", "POST", FILES, needs(ALL, created)),
        Endpoint("drive.files.generateIds", "GET", FILES + "/generateIds", needs(ALL, generated)),
        Endpoint("drive.files.get", "GET", FILES + "/{fileId}", needs(ALL, got)),
        Endpoint("drive.files.update", "PATCH", FILES + "/{fileId}", needs(ALL, updated)),
        Endpoint("drive.files.delete", "DELETE", FILES + "/{fileId}", needs(ALL, deleted)),
        Endpoint("drive.files.create", "POST", UPLOAD, needs(ALL, uploads.begin)),
        Endpoint("drive.files.create", "PUT", UPLOAD, needs(ALL, uploads.resume)),
        Endpoint("drive.files.update", "PATCH", UPLOAD + "/{fileId}", needs(ALL, uploads.begin)),
        Endpoint("drive.files.update", "PUT", UPLOAD + "/{fileId}", needs(ALL, uploads.resume)),
    )
