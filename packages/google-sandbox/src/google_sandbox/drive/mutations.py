"""Create, update and copy files, for handlers and uploads.

Source: drive.v3 discovery document; observed: the 403 `fieldNotWritable` for `parents` in an update.
"""

from __future__ import annotations

from typing import Any

from google_sandbox.drive.access_view import Viewer
from google_sandbox.drive.files import APPDATA, FOLDER, StoredFile, not_in_app_folder, write
from google_sandbox.errors import ApiError
from google_sandbox.request import Call


def new_id(call: Call) -> str:
    """Return a new file id."""
    return "1" + call.state.grants.text(32)


def create(call: Call, body: dict[str, Any], content: bytes | None, mime: str | None) -> StoredFile:
    """Create a file from its metadata and content.

    Raises:
        ApiError: 400, 403, 404 or 409, if Drive would not make it.
    """
    viewer = Viewer.of(call)
    file = _new(call, viewer, body, _parent(viewer, body, "root"))
    write(file, body, viewer.project)
    if content is not None:
        file.content = content
        file.metadata.setdefault("mimeType", mime or "application/octet-stream")
    return viewer.files.add(file)


def update(
    call: Call, file_id: str, body: dict[str, Any], content: bytes | None, mime: str | None
) -> StoredFile:
    """Change a file's metadata, content and folder.

    Raises:
        ApiError: 400, 403 or 404, if Drive would not change it.
    """
    viewer = Viewer.of(call)
    file = viewer.find_to_change(file_id)
    for name in ("id", "parents"):
        if name in body:
            raise _not_writable(name)
    parent = _moved(call, viewer, file)
    write(file, body, viewer.project)
    file.parent = parent
    viewer.files.save(file, body, content, mime)
    return file


def copy(call: Call, file_id: str, body: dict[str, Any]) -> StoredFile:
    """Copy a file, with the changes of a request.

    Raises:
        ApiError: 400, 403, 404 or 409, if Drive would not copy it.
    """
    viewer = Viewer.of(call)
    source = viewer.find(file_id)
    if source.mime == FOLDER:
        raise ApiError(403, "cannotCopyFile", "This file cannot be copied by the user.")
    source_parent = source.parent or viewer.files.top(source.sub, source.project, source.space).id
    parent = _parent(viewer, body, source_parent)
    if parent.space != source.space:
        raise not_in_app_folder()
    file = _new(call, viewer, body, parent)
    kept = {name: v for name, v in source.metadata.items() if name not in ("starred", "trashed")}
    file.metadata = {**kept, "name": f"Copy of {kept.get('name', 'Untitled')}"}
    if own := source.app_properties.get(viewer.project):
        file.app_properties[viewer.project] = own
    file.content = source.content
    write(file, body, viewer.project)
    return viewer.files.add(file)


def _new(call: Call, viewer: Viewer, body: dict[str, Any], parent: StoredFile) -> StoredFile:
    file_id = body.get("id") or new_id(call)
    if not isinstance(file_id, str) or not 0 < len(file_id) <= 200:
        raise ApiError(400, "invalid", "The provided file ID is not usable.")
    viewer.spaces([parent.space], "spaces")
    now = call.state.now()
    inside = parent.id if parent.id in viewer.files.by_id else ""
    return StoredFile(file_id, viewer.account.sub, viewer.project, parent.space, now, now, parent=inside)


def _parent(viewer: Viewer, body: dict[str, Any], default: str) -> StoredFile:
    parents = body.get("parents")
    if parents is not None and (not isinstance(parents, list) or len(parents) > 1):
        raise ApiError(400, "invalid", "A file cannot have multiple parents.")
    return _folder(viewer, str(parents[0]) if parents else default)


def _folder(viewer: Viewer, folder_id: str) -> StoredFile:
    found = viewer.files.named(viewer.account.sub, viewer.project, folder_id)
    if found is not None and found.sub == viewer.account.sub and found.id not in viewer.files.by_id:
        viewer.spaces([found.space], "spaces")
    folder = viewer.find(folder_id)
    if folder.mime != FOLDER:
        raise ApiError(403, "parentNotAFolder", "The specified parent is not a folder.")
    return folder


def _moved(call: Call, viewer: Viewer, file: StoredFile) -> str:
    added = [name for name in (call.query.get("addParents") or "").split(",") if name]
    if not added:
        return file.parent
    if len(added) > 1:
        raise ApiError(403, "cannotAddParent", "A file cannot be added to multiple folders.")
    folder = _folder(viewer, added[0].strip())
    if folder.space != file.space:
        raise not_in_app_folder() if APPDATA in (folder.space, file.space) else _not_writable("parents")
    if any(inner is folder for inner in viewer.files.within(file)):
        raise ApiError(403, "cyclicMembershipsNotAllowed", "A folder cannot be put into itself.")
    return folder.id if folder.id in viewer.files.by_id else ""


def _not_writable(name: str) -> ApiError:
    if name == "parents":
        text = (
            "The parents field is not directly writable in update requests. "
            "Use the addParents and removeParents parameters instead."
        )
    else:
        text = "The resource body includes fields which are not directly writable."
    return ApiError(403, "fieldNotWritable", text)
