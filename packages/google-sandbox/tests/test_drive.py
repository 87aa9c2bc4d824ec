"""Drive's appDataFolder."""

from __future__ import annotations

import hashlib

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.person import CALLBACK, CLIENT, G, Person

FILES, UPLOAD = "/drive/v3/files", "/upload/drive/v3/files"
WHO = "mia@example.com"
SPACE = {"spaces": "appDataFolder"}


@pytest.fixture
async def drive(mia: Person) -> httpx2.AsyncClient:
    mia.http.headers.update(await mia.bearer(G + "drive.appdata"))
    return mia.http


async def make(drive: httpx2.AsyncClient, name: str, **more: object) -> str:
    answer = await drive.post(FILES, json={"name": name, "parents": ["appDataFolder"], **more})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"kind", "id", "name", "mimeType"}
    return answer.json()["id"]


async def test_a_folder_belongs_to_one_app_of_one_account(
    drive: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    file = await make(drive, "settings.json")
    sandbox.add_client("other", "s", [CALLBACK], project="elsewhere")
    sandbox.add_account("leo@example.com")
    for email, client in ((WHO, "other"), ("leo@example.com", CLIENT)):
        token = sandbox.grant(email, client, [G + "drive.appdata"])["access_token"]
        header = {"authorization": f"Bearer {token}"}
        assert (await drive.get(f"{FILES}/{file}", headers=header)).status_code == 404
        assert (await drive.get(FILES, params=SPACE, headers=header)).json()["files"] == []


async def test_appdata_scope_opens_no_other_space(drive: httpx2.AsyncClient) -> None:
    for answer in (await drive.get(FILES), await drive.post(FILES, json={"name": "x"})):
        assert answer.status_code == 403
        assert answer.json()["error"]["errors"][0]["reason"] == "insufficientScopes"


async def test_queries_orders_and_pages(drive: httpx2.AsyncClient) -> None:
    for name in ("b.txt", "a.txt", "it's.txt"):
        await make(drive, name, mimeType="text/plain")

    async def names(**parameters: str) -> list[str]:
        answer = await drive.get(FILES, params={**SPACE, **parameters})
        assert answer.status_code == 200, answer.text
        return [file["name"] for file in answer.json()["files"]]

    assert await names(orderBy="name") == ["a.txt", "b.txt", "it's.txt"]
    assert await names(orderBy="name desc") == ["it's.txt", "b.txt", "a.txt"]
    assert await names(q="name = 'it\\'s.txt' and mimeType = 'text/plain'") == ["it's.txt"]
    assert await names(q="name contains 'b' and trashed = false and 'appDataFolder' in parents") == ["b.txt"]
    assert await names(q="not name contains 'txt'") == []
    assert await names(q="modifiedTime > '2026-11-24T00:00:00' and name != 'a.txt'", orderBy="name") == [
        "b.txt",
        "it's.txt",
    ]
    page = (await drive.get(FILES, params={**SPACE, "pageSize": "2"})).json()
    rest = (
        await drive.get(FILES, params={**SPACE, "pageSize": "2", "pageToken": page["nextPageToken"]})
    ).json()
    assert (len(page["files"]), len(rest["files"]), "nextPageToken" in rest) == (2, 1, False)
    for bad in ({"q": "name is 'x'"}, {"orderBy": "colour"}, {"pageToken": "x"}, {"spaces": "photos"}):
        assert (await drive.get(FILES, params={**SPACE, **bad})).status_code == 400


async def test_content_is_kept_hashed_and_read_in_ranges(drive: httpx2.AsyncClient) -> None:
    file = await make(drive, "f")
    path = f"{UPLOAD}/{file}"
    fields = {"fields": "size,md5Checksum,version,mimeType"}
    put = await drive.patch(path, params=fields, content=b"hello cat", headers={"content-type": "text/plain"})
    assert put.json() == {
        "size": "9",
        "md5Checksum": hashlib.md5(b"hello cat").hexdigest(),
        "version": "2",
        "mimeType": "text/plain",
    }
    media = {"alt": "media"}
    assert (await drive.get(f"{FILES}/{file}", params=media)).content == b"hello cat"
    part = await drive.get(f"{FILES}/{file}", params=media, headers={"range": "bytes=6-"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"cat", "bytes 6-8/9")
    beyond = await drive.get(f"{FILES}/{file}", params=media, headers={"range": "bytes=9-"})
    assert beyond.status_code == 416
    empty = await make(drive, "empty")
    assert (await drive.get(f"{FILES}/{empty}", params=media)).status_code == 403


async def test_an_interrupted_upload_goes_on_where_it_was(drive: httpx2.AsyncClient) -> None:
    begun = await drive.post(
        UPLOAD,
        params={"uploadType": "resumable", "fields": "id,size"},
        json={"name": "big", "parents": ["appDataFolder"]},
    )
    session = begun.headers["location"]
    first = await drive.put(session, content=b"12345", headers={"content-range": "bytes 0-4/10"})
    assert (first.status_code, first.headers["range"]) == (308, "bytes=0-4")
    asked = await drive.put(session, headers={"content-range": "bytes */10"})
    assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-4")
    wrong = await drive.put(session, content=b"x", headers={"content-range": "bytes 7-7/10"})
    assert (wrong.status_code, wrong.headers["range"]) == (308, "bytes=0-4")
    last = await drive.put(session, content=b"67890", headers={"content-range": "bytes 5-9/10"})
    assert (last.status_code, last.json()["size"]) == (200, "10")
    assert (await drive.put(session, content=b"x")).status_code == 404


@pytest.mark.parametrize("method", ["create", "update"])
async def test_a_resumable_upload_takes_the_pieces_as_gos_client_sends_them(
    drive: httpx2.AsyncClient, method: str
) -> None:
    parameters = {"uploadType": "resumable", "fields": "size"}
    if method == "create":
        begun = await drive.post(UPLOAD, params=parameters, json={"name": "b", "parents": ["appDataFolder"]})
    else:
        begun = await drive.patch(f"{UPLOAD}/{await make(drive, 'b')}", params=parameters, json={})
    session, no_308 = begun.headers["location"], {"x-guploader-no-308": "yes"}
    first = await drive.post(session, content=b"12345", headers={"content-range": "bytes 0-4/*", **no_308})
    seen = (first.status_code, first.headers["x-http-status-code-override"], first.headers["range"])
    assert seen == (200, "308", "bytes=0-4")
    last = await drive.post(session, content=b"678", headers={"content-range": "bytes 5-7/8", **no_308})
    assert (last.status_code, last.json()) == (200, {"size": "8"})
    assert "x-http-status-code-override" not in last.headers


async def test_the_kind_of_an_upload_may_be_left_to_its_content(drive: httpx2.AsyncClient) -> None:
    body = b'--b\r\n\r\n{"name": "c", "parents": ["appDataFolder"]}\r\n--b\r\n\r\nhello\r\n--b--'
    headers = {"content-type": "multipart/related; boundary=b"}
    made = await drive.post(UPLOAD, params={"fields": "name,size"}, content=body, headers=headers)
    assert made.json() == {"name": "c", "size": "5"}


async def test_files_are_deleted_for_good(drive: httpx2.AsyncClient) -> None:
    file = await make(drive, "f")
    assert (await drive.delete(f"{FILES}/{file}")).status_code == 204
    again = await drive.delete(f"{FILES}/{file}")
    assert again.json()["error"]["errors"][0] == {
        "message": f"File not found: {file}.",
        "domain": "global",
        "reason": "notFound",
        "locationType": "parameter",
        "location": "fileId",
    }
