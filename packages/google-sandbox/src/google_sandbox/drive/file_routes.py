"""The files endpoints of Drive v3.

Sources: drive.v3 discovery document; Drive guide "Download and export files" for content and ranges.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import page_tokens
from google_sandbox.drive import about_routes, change_routes
from google_sandbox.drive.access_view import CHANGE, CONTENT, READ, Viewer
from google_sandbox.drive.files import APPDATA, DRIVE, StoredFile
from google_sandbox.drive.masks import show_file, show_files
from google_sandbox.drive.mutations import copy, create, new_id, update
from google_sandbox.drive.order import in_order
from google_sandbox.drive.query import Candidate, invalid, parse
from google_sandbox.drive.uploads import UPLOAD, Uploads
from google_sandbox.errors import ApiError, bad_parameter
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.responses import json_response, no_content

FILES = "/drive/v3/files"
FILE = FILES + "/{fileId}"
CORPORA = ("user", "domain", "drive", "allDrives")
RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


def handle_list(call: Call) -> Response:
    """Handle `files.list`."""
    viewer = Viewer.of(call)
    spaces = viewer.spaces((call.query.get("spaces") or DRIVE).split(","), "spaces")
    most = call.number("pageSize", 100, 1, 1000)
    _check_corpora(call)
    text, order = call.query.get("q", ""), call.query.get("orderBy", "")
    query = parse(text, viewer.aliases())
    mine = [viewer.candidate(file) for file in viewer.list_of(spaces)]
    found = in_order([file for file in mine if query.matches(file)], order, query.full_text)
    asked = hashlib.sha256(f"{spaces}\n{text}\n{order}".encode("utf-8", "replace")).hexdigest()[:16]
    start = _start(call, found, asked)
    shown = found[start : start + most]
    value: dict[str, Any] = {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "files": [file.shown for file in shown],
    }
    if start + most < len(found):
        value["nextPageToken"] = page_tokens.pack("files", asked, start + most, shown[-1].shown["id"])
    return show_files(call, value)


def _check_corpora(call: Call) -> None:
    corpora, drive = call.query.get("corpora") or "user", call.query.get("driveId")
    if corpora not in CORPORA:
        raise invalid("corpora")
    if (corpora == "drive") is not bool(drive):
        text = "The driveId parameter must be specified if and only if corpora is set to drive."
        raise ApiError(400, "invalid", text, location=("parameter", "driveId"))
    if drive:
        text = f"Shared drive not found: {drive[:200]}"
        raise ApiError(404, "notFound", text, location=("parameter", "driveId"))


def _start(call: Call, found: list[Candidate], asked: str) -> int:
    """Return where a page begins: after the last file of the page before, if that is still there."""
    if not call.query.get("pageToken"):
        return 0
    parts = page_tokens.unpack("files", call.query["pageToken"], (str, int, str))
    if not parts or parts[0] != asked or parts[1] < 0:
        raise invalid("pageToken")
    return next((at + 1 for at, file in enumerate(found) if file.shown["id"] == parts[2]), parts[1])


def handle_get(call: Call) -> Response:
    """Handle `files.get`; the content with `alt=media`."""
    viewer = Viewer.of(call)
    file = viewer.find(call.path["fileId"])
    if call.query.get("alt") == "media":
        return _media(call, viewer, file)
    return show_file(call, viewer.file_resource(file))


def _media(call: Call, viewer: Viewer, file: StoredFile) -> Response:
    if viewer.scopes.isdisjoint(CONTENT):
        text = "The user has not granted the app read access to the content of the file"
        raise ApiError(403, "appNotAuthorizedToFile", f"{text} {file.id}.")
    if file.content is None:
        text = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
        raise ApiError(403, "fileNotDownloadable", text, location=("parameter", "alt"))
    plain = file.mime.isascii() and file.mime.isprintable()
    media_type = file.mime if plain else "application/octet-stream"
    size = len(file.content)
    match = RANGE.fullmatch(call.header("range") or "")
    if not match or (match[2] and int(match[2]) < int(match[1])):
        return Response(file.content, 200, {"accept-ranges": "bytes"}, media_type)
    if match[3]:
        first, last = max(0, size - int(match[3])) if int(match[3]) else size, size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
    if first > last:
        headers = {"content-range": f"bytes */{size}"}
        text = "Request range not satisfiable"
        raise ApiError(
            416, "requestedRangeNotSatisfiable", text, location=("header", "Range"), headers=headers
        )
    headers = {"content-range": f"bytes {first}-{last}/{size}"}
    return Response(file.content[first : last + 1], 206, headers, media_type)


def handle_create(call: Call) -> Response:
    """files.create without content."""
    return show_file(call, Viewer.of(call).file_resource(create(call, call.json(), None, None)))


def handle_update(call: Call) -> Response:
    """files.update without content."""
    file = update(call, call.path["fileId"], call.json(), None, None)
    return show_file(call, Viewer.of(call).file_resource(file))


def handle_copy(call: Call) -> Response:
    """Handle `files.copy`."""
    return show_file(call, Viewer.of(call).file_resource(copy(call, call.path["fileId"], call.json())))


def handle_delete(call: Call) -> Response:
    """Handle `files.delete`."""
    viewer = Viewer.of(call)
    viewer.files.remove(viewer.find_to_change(call.path["fileId"]))
    return no_content()


def handle_empty_trash(call: Call) -> Response:
    """Handle `files.emptyTrash`."""
    viewer = Viewer.of(call)
    for file in viewer.list_of([DRIVE]):
        if file.metadata.get("trashed") and file.id in viewer.files.by_id:
            viewer.files.remove(file)
    return no_content()


def handle_generate_ids(call: Call) -> Response:
    """Handle `files.generateIds`."""
    space = call.query.get("space") or DRIVE
    Viewer.of(call).spaces([space], "space")
    kind = call.query.get("type") or "files"
    if kind not in ("files", "shortcuts") or (kind == "shortcuts" and space == APPDATA):
        raise bad_parameter("type", f"Invalid value '{kind[:40]}'.")
    ids = [new_id(call) for _ in range(call.number("count", 10, 1, 1000))]
    return json_response({"kind": "drive#generatedIds", "space": space, "ids": ids})


def endpoints(uploads: Uploads) -> tuple[Endpoint, ...]:
    """Return the endpoints of Drive."""
    return (
        Endpoint("drive.files.list", "GET", FILES, needs(READ, handle_list)),
        Endpoint("drive.files.create", "POST", FILES, needs(CHANGE, handle_create)),
        Endpoint(
            "drive.files.generateIds", "GET", FILES + "/generateIds", needs(CHANGE, handle_generate_ids)
        ),
        Endpoint(
            "drive.files.emptyTrash",
            "DELETE",
            FILES + "/trash",
            needs(frozenset({scopes.DRIVE}), handle_empty_trash),
        ),
        Endpoint("drive.files.get", "GET", FILE, needs(READ, handle_get)),
        Endpoint("drive.files.copy", "POST", FILE + "/copy", needs(CHANGE, handle_copy)),
        Endpoint("drive.files.update", "PATCH", FILE, needs(CHANGE, handle_update)),
        Endpoint("drive.files.delete", "DELETE", FILE, needs(CHANGE, handle_delete)),
        Endpoint("drive.files.create", "POST", UPLOAD, needs(CHANGE, uploads.begin)),
        Endpoint("drive.files.create", "PUT", UPLOAD, needs(CHANGE, uploads.resume)),
        Endpoint("drive.files.update", "PATCH", UPLOAD + "/{fileId}", needs(CHANGE, uploads.begin)),
        Endpoint("drive.files.update", "PUT", UPLOAD + "/{fileId}", needs(CHANGE, uploads.resume)),
        Endpoint("drive.files.update", "POST", UPLOAD + "/{fileId}", needs(CHANGE, uploads.resume)),
        *about_routes.ENDPOINTS,
        *change_routes.ENDPOINTS,
    )
