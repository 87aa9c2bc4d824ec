"""Uploads to Drive: media, multipart and resumable ones.

Source: Drive guide "Upload file data".
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

from google_sandbox.drive.access_view import Viewer
from google_sandbox.drive.masks import show_file
from google_sandbox.drive.mutations import create, update
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.request import Call

UPLOAD = "/upload/drive/v3/files"
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


class Uploads:
    """Uploads of all three kinds, with the state of the resumable ones."""

    def __init__(self) -> None:
        self._waiting: dict[str, Upload] = {}

    def begin(self, call: Call) -> Response:
        """files.create and files.update with content."""
        if "upload_id" in call.query:  # Go's client sends the pieces by POST
            return self.resume(call)
        file_id = call.path.get("fileId")
        mime = (call.header("content-type") or "").partition(";")[0].strip() or None
        # Some clients (aiogoogle) name no type and let the content tell.
        kind = call.query.get("uploadType") or ("multipart" if mime == "multipart/related" else "media")
        if kind == "media":
            return _answer(call, file_id, {}, call.body, mime)
        if kind == "multipart":
            return _answer(call, file_id, *_related(call))
        if kind == "resumable":
            return self._start(call, file_id)
        raise bad_parameter("uploadType", f"Invalid value '{kind[:40]}'.")

    def _start(self, call: Call, file_id: str | None) -> Response:
        if file_id is not None:
            Viewer.of(call).find_to_change(file_id)
        while len(self._waiting) >= MOST_UPLOADS:
            del self._waiting[next(iter(self._waiting))]
        upload_id = call.state.grants.text(40)
        mime = call.header("x-upload-content-type")
        self._waiting[upload_id] = Upload(_sub(call), call.json(), mime, file_id)
        path = f"{UPLOAD}/{file_id}" if file_id else UPLOAD
        query = urlencode({**call.query, "uploadType": "resumable", "upload_id": upload_id})
        headers = {"location": f"{call.base_url}{path}?{query}", "x-guploader-uploadid": upload_id}
        return Response(b"", 200, headers)

    def resume(self, call: Call) -> Response:
        """The next piece of a resumable upload."""
        upload_id = call.query.get("upload_id", "")
        upload = self._waiting.get(upload_id)
        if upload is None or upload.sub != _sub(call):
            raise ApiError(404, "notFound", "Upload not found.")
        match = CONTENT_RANGE.fullmatch(call.header("content-range") or "")
        total: str | None = None
        if match:
            if match[1] and int(match[1]) != len(upload.content):
                return _incomplete(call, upload)
            total = match[3]
        elif call.header("content-range"):
            raise ApiError(400, "badContent", "Failed to parse Content-Range header.")
        upload.content += call.body
        if total == "*" or (total is not None and len(upload.content) < int(total)):
            return _incomplete(call, upload)
        del self._waiting[upload_id]
        return _answer(call, upload.file_id, upload.body, bytes(upload.content), upload.mime)


def _incomplete(call: Call, upload: Upload) -> Response:
    headers = {"range": f"bytes=0-{len(upload.content) - 1}"} if upload.content else {}
    if (call.header("x-guploader-no-308") or "").lower() == "yes":
        # Go's HTTP client takes 308 for a redirect, so its library asks for another spelling.
        return Response(b"", 200, {**headers, "x-http-status-code-override": "308"})
    return Response(b"", 308, headers)


def _sub(call: Call) -> str:
    assert call.token is not None
    return call.token.sub


def _answer(
    call: Call, file_id: str | None, body: dict[str, Any], content: bytes, mime: str | None
) -> Response:
    if file_id is None:
        file = create(call, body, content, mime)
    else:
        file = update(call, file_id, body, content, mime)
    return show_file(call, Viewer.of(call).file_resource(file))


def _related(call: Call) -> tuple[dict[str, Any], bytes, str | None]:
    content_type = call.header("content-type") or ""
    if not content_type.lower().startswith("multipart/"):
        raise ApiError(400, "badContent", "Multipart uploads need Content-Type multipart/related.")
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    parser = email.parser.BytesParser(policy=email.policy.compat32)
    parts = parser.parsebytes(head + call.body).get_payload()
    if not isinstance(parts, list) or len(parts) != 2:
        raise ApiError(400, "badContent", "Malformed multipart body.")
    metadata, media = (part for part in parts if isinstance(part, Message))
    content = media.get_payload(decode=True)
    try:
        body = json.loads(bytes(metadata.get_payload(decode=True) or b"{}") or b"{}")
    except (ValueError, RecursionError):
        raise ApiError(400, "parseError", "Parse Error") from None
    if not isinstance(body, dict):
        raise ApiError(400, "parseError", "Parse Error")
    return body, content if isinstance(content, bytes) else b"", media.get_content_type()
