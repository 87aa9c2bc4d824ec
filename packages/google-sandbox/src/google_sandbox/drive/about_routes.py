"""`about.get`: who the user is, and how much of their storage is used.

Source: drive.v3 discovery document, which demands `fields`; observed: the 400 without it. Choices: the
storage is Google's free 15 GB, and nothing can be imported or exported.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.drive.access_view import READ, Viewer, user
from google_sandbox.drive.files import DRIVE
from google_sandbox.drive.masks import check, names
from google_sandbox.errors import ApiError
from google_sandbox.field_masks import parse, select
from google_sandbox.request import Call
from google_sandbox.responses import json_response

STORAGE = 15 * 1024**3
NAMES = names(
    """
    appInstalled canCreateDrives canCreateTeamDrives driveThemes exportFormats folderColorPalette
    importFormats kind maxImportSizes maxUploadSize storageQuota teamDriveThemes user
    """
)


def handle_get(call: Call) -> Response:
    """Handle `about.get`."""
    fields = call.query.get("fields")
    if not fields:
        text = "The 'fields' parameter is required for this method."
        raise ApiError(400, "required", text, location=("parameter", "fields"))
    selection = parse(fields)
    check(selection, NAMES)
    return json_response(select(_about(Viewer.of(call)), selection))


def _about(viewer: Viewer) -> dict[str, Any]:
    mine = [file for file in viewer.files.by_id.values() if file.sub == viewer.account.sub]
    used = sum(len(file.content or b"") for file in mine)
    in_trash = sum(
        len(file.content or b"") for file in mine if file.space == DRIVE and viewer.files.trashed(file)
    )
    return {
        "kind": "drive#about",
        "user": user(viewer.account),
        "storageQuota": {
            "limit": str(STORAGE),
            "usage": str(used),
            "usageInDrive": str(used),
            "usageInDriveTrash": str(in_trash),
        },
        "importFormats": {},
        "exportFormats": {},
        "maxImportSizes": {},
        "maxUploadSize": str(5 * 1024**4),
        "appInstalled": True,
        "folderColorPalette": ["#ac725e", "#d06b64", "#f83a22", "#fa573c", "#ff7537", "#ffad46"],
        "canCreateDrives": False,
        "canCreateTeamDrives": False,
        "driveThemes": [],
        "teamDriveThemes": [],
    }


ENDPOINTS = (Endpoint("drive.about.get", "GET", "/drive/v3/about", needs(READ, handle_get)),)
