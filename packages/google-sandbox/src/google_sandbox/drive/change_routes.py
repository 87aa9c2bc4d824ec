"""`changes.getStartPageToken` and `changes.list`: which files changed since a token.

Source: drive.v3 discovery document, guide "Retrieve changes". A file that changed several
times is listed once, in its latest state. Tokens are numbers that never expire.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.drive.access_view import READ, Viewer
from google_sandbox.drive.files import DRIVE, FileChange, StoredFile
from google_sandbox.drive.masks import show_changes
from google_sandbox.drive.query import invalid
from google_sandbox.field_masks import parse, select
from google_sandbox.request import Call
from google_sandbox.responses import json_response
from google_sandbox.timestamps import format_timestamp

CHANGES = "/drive/v3/changes"


def start(call: Call) -> Response:
    """Handle `changes.getStartPageToken`."""
    value = {"kind": "drive#startPageToken", "startPageToken": str(call.state.drive.last_change + 1)}
    return json_response(select(value, parse(call.query.get("fields") or "*")))


def handle_list(call: Call) -> Response:
    """Handle `changes.list`."""
    viewer = Viewer.of(call)
    token = call.query.get("pageToken", "")
    if not (token.isascii() and token.isdecimal() and len(token) < 19):
        raise invalid("pageToken")
    most = call.number("pageSize", 100, 1, 1000)
    spaces = viewer.spaces((call.query.get("spaces") or DRIVE).split(","), "spaces")
    if call.flag("restrictToMyDrive"):
        spaces = [space for space in spaces if space == DRIVE]
    with_removed = call.flag("includeRemoved", default=True)
    found = [
        change
        for change in viewer.files.changes.values()
        if change.number >= int(token) and change.space in spaces and _seen(viewer, change, with_removed)
    ]
    value: dict[str, Any] = {
        "kind": "drive#changeList",
        "changes": [_change_resource(viewer, change) for change in found[:most]],
    }
    if len(found) > most:
        value["nextPageToken"] = str(found[most].number)
    else:
        value["newStartPageToken"] = str(viewer.files.last_change + 1)
    return show_changes(call, value)


def _seen(viewer: Viewer, change: FileChange, with_removed: bool) -> bool:
    then = StoredFile(change.file_id, change.sub, change.project, change.space, change.at, change.at)
    return (with_removed or not change.removed) and viewer.sees(then)


def _change_resource(viewer: Viewer, change: FileChange) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "time": format_timestamp(change.at),
        "removed": change.removed,
        "fileId": change.file_id,
    }
    if not change.removed:
        shown["file"] = viewer.file_resource(viewer.files.by_id[change.file_id])
    return shown


ENDPOINTS = (
    Endpoint("drive.changes.getStartPageToken", "GET", CHANGES + "/startPageToken", needs(READ, start)),
    Endpoint("drive.changes.list", "GET", CHANGES, needs(READ, handle_list)),
)
