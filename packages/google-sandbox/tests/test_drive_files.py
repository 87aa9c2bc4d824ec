"""Files beyond reading and writing: folders, aliases, copies, the trash, changes, and what a scope opens."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.person import CALLBACK, CLIENT, G, Person

FILES, ABOUT, CHANGES = "/drive/v3/files", "/drive/v3/about", "/drive/v3/changes"
FOLDER = "application/vnd.google-apps.folder"
WHO = "mia@example.com"
ALL = {"fields": "*"}


@pytest.fixture
async def drive(mia: Person) -> httpx2.AsyncClient:
    mia.http.headers.update(await mia.bearer(f"{G}drive {G}drive.appdata"))
    return mia.http


async def make(
    drive: httpx2.AsyncClient, name: str, parent: str = "appDataFolder", **more: Any
) -> dict[str, Any]:
    answer = await drive.post(FILES, params=ALL, json={"name": name, "parents": [parent], **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def reason(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("alias", "name", "space"),
    [
        ("appDataFolder", "Application Data", "appDataFolder"),
        ("appfolder", "Application Data", "appDataFolder"),
        ("root", "My Drive", "drive"),
    ],
)
async def test_an_alias_is_the_folder_at_the_top_of_its_space(
    drive: httpx2.AsyncClient, alias: str, name: str, space: str
) -> None:
    bare = (await drive.get(f"{FILES}/{alias}")).json()
    assert bare == {"kind": "drive#file", "id": bare["id"], "name": name, "mimeType": FOLDER}
    folder = (await drive.get(f"{FILES}/{bare['id']}", params=ALL)).json()
    assert (folder["spaces"], "parents" in folder) == ([space], False)
    made = await make(drive, "f", alias)
    assert made["parents"] == [bare["id"]] and made["spaces"] == [space]
    inside = await make(drive, "g", bare["id"])
    assert inside["parents"] == [bare["id"]]
    for q in (f"'{alias}' in parents", f"'{bare['id']}' in parents"):
        answer = await drive.get(FILES, params={"spaces": space, "q": q})
        assert {file["name"] for file in answer.json()["files"]} == {"f", "g"}
    for refused in (
        await drive.delete(f"{FILES}/{alias}"),
        await drive.patch(f"{FILES}/{alias}", json={"name": "x"}),
    ):
        assert await reason(refused) == (403, "insufficientFilePermissions")
    assert await reason(await drive.post(f"{FILES}/{alias}/copy", json={})) == (403, "cannotCopyFile")
    media = await drive.get(f"{FILES}/{alias}", params={"alt": "media"})
    assert await reason(media) == (403, "fileNotDownloadable")


async def test_a_copy_is_a_file_of_its_own(drive: httpx2.AsyncClient) -> None:
    source = await make(drive, "settings.json", properties={"a": "1", "b": "2"}, starred=True)
    await drive.patch(
        f"/upload{FILES}/{source['id']}", content=b"{}", headers={"content-type": "application/json"}
    )
    copy = (await drive.post(f"{FILES}/{source['id']}/copy", params=ALL)).json()
    assert (copy["name"], copy["parents"], copy["starred"]) == (
        "Copy of settings.json",
        source["parents"],
        False,
    )
    assert (copy["mimeType"], copy["size"], copy["properties"]) == (
        "application/json",
        "2",
        {"a": "1", "b": "2"},
    )
    change = {"name": "new", "properties": {"a": None, "c": "3"}, "id": "chosen-id-1"}
    other = (await drive.post(f"{FILES}/{source['id']}/copy", params=ALL, json=change)).json()
    assert (other["id"], other["name"], other["properties"]) == ("chosen-id-1", "new", {"b": "2", "c": "3"})
    await drive.patch(f"/upload{FILES}/{copy['id']}", content=b"[1]")
    assert (await drive.get(f"{FILES}/{source['id']}", params={"alt": "media"})).content == b"{}"
    assert await reason(await drive.post(f"{FILES}/{source['id']}/copy", json=change)) == (409, "fileIdInUse")
    assert (await drive.post(f"{FILES}/nothing/copy", json={})).status_code == 404
    elsewhere = await drive.post(f"{FILES}/{source['id']}/copy", json={"parents": ["root"]})
    assert await reason(elsewhere) == (403, "notSupportedForAppDataFolderFiles")


async def test_metadata_is_merged_and_null_removes_it(drive: httpx2.AsyncClient) -> None:
    file = await make(drive, "f", description="d", properties={"a": "1", "b": "2"}, appProperties={"x": "y"})
    path = f"{FILES}/{file['id']}"
    change = {
        "description": None,
        "properties": {"a": None, "c": "3"},
        "appProperties": {"x": None},
        "starred": True,
    }
    now = (await drive.patch(path, params=ALL, json=change)).json()
    assert now["properties"] == {"b": "2", "c": "3"} and now["starred"] is True
    assert "description" not in now and "appProperties" not in now
    named = await drive.patch(path, params=ALL, json={"modifiedTime": "2020-02-29T12:00:00+09:00"})
    assert named.json()["modifiedTime"] == "2020-02-29T03:00:00.000Z"
    for bad in ({"name": 7}, {"starred": "yes"}, {"properties": {"a": 1}}, {"modifiedTime": "soon"}):
        assert await reason(await drive.patch(path, json=bad)) == (400, "invalid")
    for fixed in ({"parents": ["root"]}, {"id": "other"}):
        assert await reason(await drive.patch(path, json=fixed)) == (403, "fieldNotWritable")


async def test_app_properties_are_private_to_an_app(drive: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    file = await make(drive, "f", "root", properties={"p": "all"}, appProperties={"n": "mine"})
    sandbox.add_client("other", "s", [CALLBACK], project="elsewhere")
    token = sandbox.grant(WHO, "other", [G + "drive"])["access_token"]
    other = {"authorization": f"Bearer {token}"}
    path = f"{FILES}/{file['id']}"
    seen = (
        await drive.patch(path, params=ALL, headers=other, json={"appProperties": {"n": "theirs"}})
    ).json()
    assert (seen["properties"], seen["appProperties"]) == ({"p": "all"}, {"n": "theirs"})
    assert (await drive.get(path, params=ALL)).json()["appProperties"] == {"n": "mine"}


async def test_folders_hold_files_and_go_with_what_is_in_them(drive: httpx2.AsyncClient) -> None:
    outer = await make(drive, "outer", "root", mimeType=FOLDER)
    inner = await make(drive, "inner", outer["id"], mimeType=FOLDER)
    file = await make(drive, "f", inner["id"])
    found = (await drive.get(FILES, params={"q": f"'{inner['id']}' in parents"})).json()["files"]
    assert [each["id"] for each in found] == [file["id"]]
    move = {"addParents": outer["id"], "removeParents": inner["id"], "fields": "parents"}
    assert (await drive.patch(f"{FILES}/{file['id']}", params=move)).json() == {"parents": [outer["id"]]}
    for folder, status in ((inner["id"], "cyclicMembershipsNotAllowed"), (file["id"], "parentNotAFolder")):
        refused = await drive.patch(f"{FILES}/{outer['id']}", params={"addParents": folder})
        assert await reason(refused) == (403, status)
    away = await drive.patch(f"{FILES}/{file['id']}", params={"addParents": "appDataFolder"})
    assert await reason(away) == (403, "notSupportedForAppDataFolderFiles")
    assert (await drive.post(FILES, json={"name": "x", "parents": ["nothing"]})).status_code == 404
    assert (await drive.delete(f"{FILES}/{outer['id']}")).status_code == 204
    for gone in (outer, inner, file):
        assert (await drive.get(f"{FILES}/{gone['id']}")).status_code == 404


async def test_the_trash_takes_what_is_in_a_folder_along_and_can_be_emptied(
    drive: httpx2.AsyncClient,
) -> None:
    folder = await make(drive, "folder", "root", mimeType=FOLDER)
    file = await make(drive, "f", folder["id"])
    kept = await make(drive, "kept", "root")
    await drive.patch(f"{FILES}/{folder['id']}", json={"trashed": True})
    shown = (await drive.get(f"{FILES}/{file['id']}", params={"fields": "trashed,explicitlyTrashed"})).json()
    assert shown == {"trashed": True, "explicitlyTrashed": False}
    found = (await drive.get(FILES, params={"q": "trashed = true"})).json()["files"]
    assert {each["id"] for each in found} == {folder["id"], file["id"]}
    everything = (await drive.get(FILES)).json()["files"]
    assert len(everything) == 3, "the trash is listed unless it is excluded"
    assert (await drive.delete(f"{FILES}/trash")).status_code == 204
    assert [each["id"] for each in (await drive.get(FILES)).json()["files"]] == [kept["id"]]


async def test_an_apps_folder_knows_no_trash_and_no_documents(drive: httpx2.AsyncClient) -> None:
    file = await make(drive, "f")
    trashed = await drive.patch(f"{FILES}/{file['id']}", json={"trashed": True})
    sheet = {"name": "s", "parents": ["appDataFolder"], "mimeType": "application/vnd.google-apps.spreadsheet"}
    for refused in (trashed, await drive.post(FILES, json=sheet)):
        assert await reason(refused) == (403, "notSupportedForAppDataFolderFiles")
    assert (await drive.patch(f"{FILES}/{file['id']}", json={"trashed": False})).status_code == 200


async def test_about_wants_fields_and_shows_the_user_and_the_storage(drive: httpx2.AsyncClient) -> None:
    bare = await drive.get(ABOUT)
    assert bare.json()["error"]["errors"] == [
        {
            "message": "The 'fields' parameter is required for this method.",
            "domain": "global",
            "reason": "required",
            "locationType": "parameter",
            "location": "fields",
        }
    ]
    file = await make(drive, "f", "root")
    await drive.patch(f"/upload{FILES}/{file['id']}", content=b"12345")
    seen = (await drive.get(ABOUT, params={"fields": "user(emailAddress,me),storageQuota"})).json()
    assert seen["user"] == {"emailAddress": WHO, "me": True}
    assert seen["storageQuota"]["usage"] == "5" and seen["storageQuota"]["usageInDriveTrash"] == "0"
    assert (await drive.get(ABOUT, params=ALL)).json()["kind"] == "drive#about"
    assert (await drive.get(ABOUT, params={"fields": "name"})).status_code == 400


async def test_changes_tell_each_file_once_and_what_was_removed(drive: httpx2.AsyncClient) -> None:
    space = {"spaces": "drive,appDataFolder"}
    token = (await drive.get(f"{CHANGES}/startPageToken")).json()["startPageToken"]
    one, two, three = [await make(drive, name) for name in ("one", "two", "three")]
    await drive.patch(f"{FILES}/{one['id']}", json={"name": "uno"})
    await drive.delete(f"{FILES}/{two['id']}")
    page = (await drive.get(CHANGES, params={**space, "pageToken": token, "pageSize": "2"})).json()
    assert "newStartPageToken" not in page
    rest = (await drive.get(CHANGES, params={**space, "pageToken": page["nextPageToken"]})).json()
    seen = [(change["fileId"], change["removed"]) for change in page["changes"] + rest["changes"]]
    assert seen == [(three["id"], False), (one["id"], False), (two["id"], True)]
    assert page["changes"][1]["file"]["name"] == "uno" and "file" not in rest["changes"][0]
    after = {**space, "pageToken": rest["newStartPageToken"]}
    assert (await drive.get(CHANGES, params=after)).json()["changes"] == []
    kept = (await drive.get(CHANGES, params={**space, "pageToken": token, "includeRemoved": "false"})).json()
    assert len(kept["changes"]) == 2
    mine = (
        await drive.get(CHANGES, params={**space, "pageToken": token, "restrictToMyDrive": "true"})
    ).json()
    assert mine["changes"] == []
    for bad in ({}, {"pageToken": "x"}, {"pageToken": "-1"}):
        assert await reason(await drive.get(CHANGES, params=bad)) == (400, "invalid")


@pytest.mark.parametrize(
    ("range_", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=5-", 206, b"56789"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=5-1", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_ranges_are_those_of_http(
    drive: httpx2.AsyncClient, range_: str, status: int, content: bytes | None
) -> None:
    file = await make(drive, "f")
    await drive.patch(f"/upload{FILES}/{file['id']}", content=b"0123456789")
    answer = await drive.get(f"{FILES}/{file['id']}", params={"alt": "media"}, headers={"range": range_})
    assert answer.status_code == status
    assert content is None or answer.content == content


@pytest.mark.parametrize(
    ("scope", "opened"),
    [
        ("drive", {"drive", "own"}),
        ("drive.readonly", {"drive", "own"}),
        ("drive.metadata.readonly", {"drive", "own"}),
        ("drive.file", {"own"}),
        ("drive.appdata", {"appdata"}),
    ],
)
async def test_each_scope_opens_its_files_and_no_others(
    drive: httpx2.AsyncClient, sandbox: Sandbox, scope: str, opened: set[str]
) -> None:
    sandbox.add_client("other", "s", [CALLBACK], project="elsewhere")
    theirs = {"authorization": f"Bearer {sandbox.grant(WHO, 'other', [G + 'drive'])['access_token']}"}
    files = {"own": await make(drive, "own", "root"), "appdata": await make(drive, "appdata")}
    files["drive"] = (await drive.post(FILES, headers=theirs, json={"name": "drive"})).json()
    sandbox.revoke_access(WHO, "demo")
    token = sandbox.grant(WHO, CLIENT, [G + scope])["access_token"]
    header = {"authorization": f"Bearer {token}"}
    seen = {
        name
        for name, file in files.items()
        if (await drive.get(f"{FILES}/{file['id']}", headers=header)).status_code == 200
    }
    assert seen == opened
    space = "appDataFolder" if scope == "drive.appdata" else "drive"
    listed = (await drive.get(FILES, params={"spaces": space}, headers=header)).json()["files"]
    assert {file["name"] for file in listed} == opened
    other = "drive" if space == "appDataFolder" else "appDataFolder"
    refused = await drive.get(FILES, params={"spaces": other}, headers=header)
    assert await reason(refused) == (403, "insufficientScopes")
    media = await drive.get(f"{FILES}/{files['own']['id']}", params={"alt": "media"}, headers=header)
    expected = {"drive.metadata.readonly": "appNotAuthorizedToFile", "drive.appdata": "notFound"}
    assert (await reason(media))[1] == expected.get(scope, "fileNotDownloadable")
    write = await drive.patch(f"{FILES}/{files['own']['id']}", json={"name": "x"}, headers=header)
    assert write.status_code == {"drive": 200, "drive.file": 200, "drive.appdata": 404}.get(scope, 403)


async def test_generated_ids_are_of_a_space_the_app_may_use(drive: httpx2.AsyncClient) -> None:
    path = f"{FILES}/generateIds"
    ids = (await drive.get(path, params={"count": "3", "space": "appDataFolder"})).json()["ids"]
    assert len(set(ids)) == 3
    assert (await make(drive, "f", id=ids[0]))["id"] == ids[0]
    for bad in ({"space": "moon"}, {"type": "cats"}, {"count": "0"}):
        assert (await drive.get(path, params=bad)).status_code == 400


async def test_what_drive_has_and_the_sandbox_lacks_is_a_404_of_googles_shape(
    drive: httpx2.AsyncClient,
) -> None:
    for path in ("files/x/permissions", "files/x/revisions", "files/x/comments", "drives", "apps", "moon"):
        answer = await drive.get(f"/drive/v3/{path}")
        assert await reason(answer) == (404, "notFound")
