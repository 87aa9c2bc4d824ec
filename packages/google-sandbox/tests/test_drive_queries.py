"""The search language of `files.list`, its orders and its pages."""

from __future__ import annotations

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.person import G, Person

FILES = "/drive/v3/files"
BAD = [
    *("name is 'x'", "name = x", "name = 'x", "name 'x'", "= 'x'", "name = 'x' and", "and name = 'x'"),
    *("name = 'x' name = 'y'", "(name = 'x'", "name = 'x')", "()", "not", "name = 'x' or or name = 'y'"),
    *(
        "title = 'x'",
        "name > 'x'",
        "mimeType < 'x'",
        "name in 'x'",
        "fullText = 'x'",
        "trashed",
        "'x' in name",
    ),
    *("trashed = 'true'", "trashed > true", "starred contains true", "trashed = maybe", "sharedWithMe = 1"),
    *("modifiedTime > 'yesterday'", "modifiedTime > '2026-13-01'", "modifiedTime contains '2026'"),
    *("modifiedTime > '2026-11-24T10:00:00 09:00'", "modifiedTime > 2026", "visibility = 'secret'"),
    *("properties has { key='a' }", "properties has { key='a' and key='b' }", "properties = 'a'"),
    *("properties has { name='a' and value='b' }", "properties has key='a' and value='b'", "parents in 'x'"),
    *(
        "'x' parents",
        "name = 'x' && trashed = false",
        "name = 'x'; drop",
        "NAME = 'x'",
        "name = 'x' AND true",
    ),
    *("(" * 300 + "trashed = true" + ")" * 300, "shortcutDetails.targetId contains 'x'", "\x00", "'"),
]


@pytest.fixture
async def drive(mia: Person, clock: Clock) -> httpx2.AsyncClient:
    """Five files in the app's folder, a second apart from 09:00 on."""
    mia.http.headers.update(await mia.bearer(f"{G}drive.appdata {G}drive"))
    for body in (
        {"name": "HelloWorld.txt", "mimeType": "text/plain", "starred": True},
        {"name": "it's a \\ cat", "mimeType": "image/png", "properties": {"mass": "1.3kg", "it's": "x"}},
        {"name": "Blue_settings 2.json", "mimeType": "application/json", "appProperties": {"n": "7"}},
        {"name": "settings 10", "mimeType": "video/mp4", "description": "Hello there world"},
        {"name": "予定 表", "mimeType": "image/webp"},
    ):
        answer = await mia.http.post(FILES, json={**body, "parents": ["appDataFolder"]})
        assert answer.status_code == 200, answer.text
        clock.advance(seconds=1)
    return mia.http


async def found(drive: httpx2.AsyncClient, q: str = "", **parameters: str) -> list[str]:
    query = {"spaces": "appDataFolder", "orderBy": "createdTime", "q": q, **parameters}
    answer = await drive.get(FILES, params={name: value for name, value in query.items() if value})
    assert answer.status_code == 200, answer.text
    return [file["name"].split(".")[0].split(" ")[0] for file in answer.json()["files"]]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("name = 'HelloWorld.txt'", "HelloWorld"),
        ('name = "HelloWorld.txt"', "HelloWorld"),
        ("name = 'it\\'s a \\\\ cat'", "it's"),
        ("name='settings 10'or starred=true", "HelloWorld settings"),
        ("name contains 'hello'", "HelloWorld"),
        ("name contains 'World'", ""),
        ("name contains 'sett'", "Blue_settings settings"),
        ("name contains '予'", "予定"),
        ("not name contains 'sett'", "HelloWorld it's 予定"),
        ("not (starred = true or mimeType contains 'image/')", "Blue_settings settings"),
        ("not not starred = true", "HelloWorld"),
        (
            "mimeType != 'text/plain' and (name contains 'set' or name contains 'cat')",
            "it's Blue_settings settings",
        ),
        # From left to right: (starred or image) and cat.
        ("starred = true or mimeType contains 'image/' and name contains 'cat'", "it's"),
        ("starred = true and mimeType = 'x' or name contains 'cat'", "it's"),
        ("starred != true and trashed = false and starred = false and mimeType = 'video/mp4'", "settings"),
        ("properties has { key='mass' and value='1.3kg' }", "it's"),
        ("properties has {value='x' and key='it\\'s'}", "it's"),
        ("appProperties has { key='n' and value='7' }", "Blue_settings"),
        ("appProperties has { key='mass' and value='1.3kg' }", ""),
        ("'appDataFolder' in parents", "HelloWorld it's Blue_settings settings 予定"),
        ("'appfolder' in parents and starred = true", "HelloWorld"),
        ("not 'root' in parents and starred = true", "HelloWorld"),
        ("'me' in owners and 'mia@example.com' in writers and starred = true", "HelloWorld"),
        ("'leo@example.com' in readers", ""),
        ("fullText contains 'hello'", "settings"),
        ("fullText contains 'world hello'", "settings"),
        ("fullText contains '\"there world\"'", "settings"),
        ("fullText contains '\"hello world\"'", ""),
        ("fullText contains 'helloworld'", "HelloWorld"),
        ("sharedWithMe", ""),
        ("sharedWithMe = false and starred = true", "HelloWorld"),
        ("not sharedWithMe and starred = true", "HelloWorld"),
        ("visibility = 'limited' and starred = true", "HelloWorld"),
        ("visibility != 'limited'", ""),
        ("shortcutDetails.targetId = 'x'", ""),
        ("viewedByMeTime > '2012-06-04T12:00:00'", ""),
        ("modifiedTime > '2026-11-24T09:00:02'", "settings 予定"),
        ("modifiedTime >= '2026-11-24T09:00:03.000Z' and createdTime < '2026-11-25'", "settings 予定"),
        ("modifiedTime = '2026-11-24T18:00:03+09:00'", "settings"),
        ("modifiedTime <= '2026-11-24T01:00:00-08:00'", "HelloWorld"),
        ("modifiedTime > '2026-11-24' and modifiedTime < '2026-11-24T09:00:01Z'", "HelloWorld"),
        ("modifiedTime > '2026-11-25'", ""),
        ("createdTime != '2026-11-24T09:00:00Z' and starred = true", ""),
        ("  trashed=false\n and\tstarred=true ", "HelloWorld"),
        (" ", "HelloWorld it's Blue_settings settings 予定"),
    ],
)
async def test_a_query_finds_what_the_guide_says(drive: httpx2.AsyncClient, q: str, expected: str) -> None:
    order = {"orderBy": ""} if "fullText" in q else {}
    assert await found(drive, q, **order) == expected.split()


async def test_a_query_that_cannot_be_read_is_an_invalid_value_of_q(drive: httpx2.AsyncClient) -> None:
    for bad in BAD:
        answer = await drive.get(FILES, params={"spaces": "appDataFolder", "q": bad})
        assert (answer.status_code, answer.json()["error"]) == (
            400,
            {
                "code": 400,
                "message": "Invalid Value",
                "errors": [
                    {
                        "message": "Invalid Value",
                        "domain": "global",
                        "reason": "invalid",
                        "locationType": "parameter",
                        "location": "q",
                    }
                ],
            },
        ), bad


async def test_orders_are_natural_numeric_and_refused_for_full_text(drive: httpx2.AsyncClient) -> None:
    for name, size in (("a10", 9), ("a9", 100), ("a1", 20)):
        made = (await drive.post(FILES, json={"name": name, "parents": ["root"]})).json()["id"]
        await drive.patch(f"/upload{FILES}/{made}", content=b"x" * size)
    folder = {"name": "z", "mimeType": "application/vnd.google-apps.folder"}
    await drive.post(FILES, json=folder)
    here = {"spaces": "drive"}
    assert await found(drive, **here, orderBy="name") == ["a1", "a10", "a9", "z"]
    assert await found(drive, **here, orderBy="name_natural") == ["a1", "a9", "a10", "z"]
    assert await found(drive, **here, orderBy="quotaBytesUsed desc, name") == ["a9", "a1", "a10", "z"]
    assert (await found(drive, **here, orderBy="folder,name_natural desc"))[:2] == ["z", "a10"]
    for bad in ("colour", "name up", "name desc desc", "name;"):
        answer = await drive.get(FILES, params={"orderBy": bad})
        assert answer.json()["error"]["errors"][0]["location"] == "orderBy", bad
    sorted_text = await drive.get(FILES, params={"q": "fullText contains 'x'", "orderBy": "name"})
    error = sorted_text.json()["error"]["errors"][0]
    assert (sorted_text.status_code, error["reason"], error["location"]) == (400, "badRequest", "orderBy")


async def test_a_page_goes_on_after_the_last_file_whatever_was_deleted(drive: httpx2.AsyncClient) -> None:
    query = {"spaces": "appDataFolder", "orderBy": "createdTime", "pageSize": "2"}
    first = (await drive.get(FILES, params=query)).json()
    await drive.delete(f"{FILES}/{first['files'][0]['id']}")
    token = {"pageToken": first["nextPageToken"]}
    second = (await drive.get(FILES, params={**query, **token})).json()
    assert [file["name"] for file in second["files"]] == ["Blue_settings 2.json", "settings 10"]
    for other in ({"q": "trashed = false"}, {"orderBy": "name"}, {"spaces": "drive"}, {"pageToken": "W10="}):
        refused = await drive.get(FILES, params={**query, **token, **other})
        assert refused.json()["error"]["errors"][0]["location"] == "pageToken", other


async def test_a_lists_corpora_spaces_and_fields_are_checked(
    drive: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    async def refused(**parameters: str) -> tuple[int, str]:
        answer = await drive.get(FILES, params=parameters)
        return answer.status_code, answer.json()["error"]["errors"][0].get("location", "")

    assert await refused(corpora="moon") == (400, "corpora")
    assert await refused(corpora="drive") == (400, "driveId")
    assert await refused(driveId="x") == (400, "driveId")
    assert await refused(corpora="drive", driveId="x") == (404, "driveId")
    assert await refused(fields="items(id,title)") == (400, "fields")
    assert await refused(fields="files(id,title)") == (400, "fields")
    both = await found(drive, spaces="drive,appDataFolder", corpora="allDrives", pageSize="1000")
    assert len(both) == 5
    answer = await drive.get(
        FILES, params={"spaces": "appDataFolder", "fields": "files/name", "pageSize": "1"}
    )
    assert answer.json() == {"files": [{"name": "予定 表"}]}
