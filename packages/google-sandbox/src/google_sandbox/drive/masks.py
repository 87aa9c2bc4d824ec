"""The `fields` parameter of Drive: a short answer without it, an error for names that do not exist.

Source: Drive guide "Return specific fields": without `fields` a file shows `kind, id, name, mimeType`.
Observed: `Invalid field selection items` for a name Drive does not have. Names inside a file's own objects
are not checked.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.errors import ApiError
from google_sandbox.field_masks import Selection, parse, select
from google_sandbox.request import Call
from google_sandbox.responses import json_response

FILE = "kind,id,name,mimeType"
FILES = f"kind,incompleteSearch,nextPageToken,files({FILE})"
CHANGES = (
    f"kind,nextPageToken,newStartPageToken,changes(kind,changeType,type,time,removed,fileId,file({FILE}))"
)


def names(text: str) -> frozenset[str]:
    """Return the names in a text, one beside the other."""
    return frozenset(text.split())


FILE_NAMES = names(
    """
    appProperties capabilities clientEncryptionDetails contentHints contentRestrictions
    copyRequiresWriterPermission createdTime description downloadRestrictions driveId explicitlyTrashed
    exportLinks fileExtension folderColorRgb fullFileExtension hasAugmentedPermissions hasThumbnail
    headRevisionId iconLink id imageMediaMetadata inheritedPermissionsDisabled isAppAuthorized kind labelInfo
    lastModifyingUser linkShareMetadata md5Checksum mimeType modifiedByMe modifiedByMeTime modifiedTime name
    originalFilename ownedByMe owners parents permissionIds permissions properties quotaBytesUsed resourceKey
    sha1Checksum sha256Checksum shared sharedWithMeTime sharingUser shortcutDetails size spaces starred
    teamDriveId thumbnailLink thumbnailVersion trashed trashedTime trashingUser version videoMediaMetadata
    viewedByMe viewedByMeTime viewersCanCopyContent webContentLink webViewLink writersCanShare
    """
)
LIST_NAMES = names("kind incompleteSearch nextPageToken files")
CHANGES_NAMES = names("kind nextPageToken newStartPageToken changes")
CHANGE_NAMES = names("kind changeType type time removed fileId file driveId drive teamDriveId teamDrive")


def show_file(call: Call, shown: dict[str, Any]) -> Response:
    """Return a file, the part of it that was asked for."""
    selection = _selection(call, FILE)
    check(selection, FILE_NAMES)
    return json_response(select(shown, selection))


def show_files(call: Call, shown: dict[str, Any]) -> Response:
    """Return a list of files, the part of it that was asked for."""
    selection = _selection(call, FILES)
    check(selection, LIST_NAMES)
    check(selection.get("files", {}), FILE_NAMES)
    return json_response(select(shown, selection))


def show_changes(call: Call, shown: dict[str, Any]) -> Response:
    """Return a list of changes, the part of it that was asked for."""
    selection = _selection(call, CHANGES)
    check(selection, CHANGES_NAMES)
    check(selection.get("changes", {}), CHANGE_NAMES)
    check(selection.get("changes", {}).get("file", {}), FILE_NAMES)
    return json_response(select(shown, selection))


def _selection(call: Call, default: str) -> Selection:
    return parse(call.query.get("fields") or default)


def check(selection: Selection, known: frozenset[str]) -> None:
    """Check that the names of a selection exist.

    Raises:
        ApiError: 400, with the first of them.
    """
    for name in selection:
        if name != "*" and name not in known:
            text = f"Invalid field selection {name[:80]}"
            raise ApiError(400, "invalidParameter", text, location=("parameter", "fields"))
