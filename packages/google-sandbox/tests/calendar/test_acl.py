"""Sharing a calendar: rules, roles, and what each role may see and do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import WHO, timed
from sandbox_support.person import CALENDARS, CLIENT, G, Person, populate
from sandbox_support.receiver import receiving

ROOT = "/calendar/v3/calendars"
ACL = f"{ROOT}/primary/acl"
LIST = "/calendar/v3/users/me/calendarList"
LEO = "leo@example.com"
MIAS = f"{ROOT}/{WHO}"
USER = {"type": "user", "value": LEO}


@pytest.fixture
def leo(sandbox: Sandbox) -> dict[str, str]:
    """The header of another account."""
    sandbox.add_account(LEO)
    return {"authorization": f"Bearer {sandbox.grant(LEO, CLIENT, [CALENDARS])['access_token']}"}


def reason(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


async def share(calendar: httpx2.AsyncClient, role: str, scope: dict[str, str] = USER) -> dict[str, Any]:
    answer = await calendar.post(ACL, json={"role": role, "scope": scope})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_rules_are_made_read_changed_and_deleted(
    calendar: httpx2.AsyncClient, leo: dict[str, str]
) -> None:
    (own,) = (await calendar.get(ACL)).json()["items"]
    assert (own["id"], own["role"]) == (f"user:{WHO}", "owner")
    rule = await share(calendar, "reader")
    assert rule == {
        "kind": "calendar#aclRule",
        "etag": rule["etag"],
        "id": f"user:{LEO}",
        "scope": USER,
        "role": "reader",
    }
    path = f"{ACL}/user:{LEO}"
    assert (await calendar.get(path)).json() == rule
    assert (await calendar.get(f"{ACL}/user%3A{LEO}")).json() == rule
    patched = (await calendar.patch(path, json={"role": "writer"})).json()
    assert patched["role"] == "writer" and patched["etag"] != rule["etag"]
    stale = await calendar.put(
        path, json={"role": "reader", "scope": USER}, headers={"if-match": rule["etag"]}
    )
    assert stale.status_code == 412
    assert (await calendar.put(path, json={"role": "owner", "scope": USER})).json()["role"] == "owner"
    assert (await share(calendar, "reader"))["id"] == rule["id"], "one rule for each scope"
    assert len((await calendar.get(ACL)).json()["items"]) == 2
    assert (await calendar.delete(path)).status_code == 204
    assert (await calendar.get(path)).status_code == (await calendar.delete(path)).status_code == 404
    assert len((await calendar.get(ACL)).json()["items"]) == 1
    gone = (await calendar.get(ACL, params={"showDeleted": "true"})).json()["items"]
    assert [item["role"] for item in gone] == ["owner", "none"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"scope": USER}, (400, "required")),
        ({"role": "reader"}, (400, "required")),
        ({"role": "reader", "scope": {"value": LEO}}, (400, "required")),
        ({"role": "king", "scope": USER}, (400, "invalid")),
        ({"role": "reader", "scope": {"type": "cat", "value": LEO}}, (400, "invalid")),
        ({"role": "reader", "scope": {"type": "user"}}, (400, "invalidScopeValue")),
        ({"role": "reader", "scope": {"type": "user", "value": "leo"}}, (400, "invalidScopeValue")),
        ({"role": "reader", "scope": {"type": "domain", "value": LEO}}, (400, "invalidScopeValue")),
        ({"role": "writer", "scope": {"type": "default"}}, (400, "illegalAccessRoleForDefault")),
        ({"role": "reader", "scope": {"type": "user", "value": WHO}}, (403, "cannotChangeOwnAcl")),
        ({"role": 7, "scope": "default"}, (400, "required")),
    ],
    ids=str,
)
async def test_a_rule_that_makes_no_sense_is_refused(
    calendar: httpx2.AsyncClient, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert reason(await calendar.post(ACL, json=body)) == expected
    assert len((await calendar.get(ACL)).json()["items"]) == 1


async def test_owners_change_rules_writers_read_them_and_nobody_their_own(
    calendar: httpx2.AsyncClient, leo: dict[str, str]
) -> None:
    path, body = f"{MIAS}/acl", {"role": "reader", "scope": {"type": "default"}}
    for role, reads, writes in (("reader", 403, 403), ("writer", 200, 403), ("owner", 200, 200)):
        await share(calendar, role)
        assert (await calendar.get(path, headers=leo)).status_code == reads, role
        written = await calendar.post(path, json=body, headers=leo)
        assert written.status_code == writes, role
        if writes == 403:
            assert reason(written) == (403, "requiredAccessLevel")
    own = await calendar.delete(f"{path}/user:{LEO}", headers=leo)
    assert (own.json()["error"]["message"], reason(own)) == (
        "Cannot change your own access level.",
        (403, "cannotChangeOwnAcl"),
    )
    owner = await calendar.patch(f"{path}/user:{WHO}", json={"role": "reader"}, headers=leo)
    assert reason(owner) == (403, "cannotModifyAclOfCalendarOwner")


@pytest.mark.parametrize(
    ("scope", "reached"),
    [
        (USER, True),
        ({"type": "domain", "value": "example.com"}, True),
        ({"type": "default"}, True),
        ({"type": "domain", "value": "cats.example"}, False),
        ({"type": "group", "value": "cats@example.com"}, False),
    ],
    ids=str,
)
async def test_a_shared_calendar_is_reached_by_its_id_and_listed_once_it_is_inserted(
    calendar: httpx2.AsyncClient, leo: dict[str, str], scope: dict[str, str], reached: bool
) -> None:
    assert (await calendar.get(f"{MIAS}/events", headers=leo)).status_code == 404
    rule = await share(calendar, "reader", scope)
    answer = await calendar.get(f"{MIAS}/events", headers=leo)
    assert answer.status_code == (200 if reached else 404)
    assert (await calendar.get(f"{LIST}/{WHO}", headers=leo)).status_code == 404
    inserted = await calendar.post(LIST, json={"id": WHO, "summaryOverride": "Hers"}, headers=leo)
    assert inserted.status_code == (200 if reached else 404)
    if not reached:
        return
    assert (inserted.json()["accessRole"], inserted.json()["summaryOverride"]) == ("reader", "Hers")
    token = (await calendar.get(LIST, headers=leo)).json()["nextSyncToken"]
    assert (await calendar.delete(f"{ACL}/{rule['id']}")).status_code == 204
    assert (await calendar.get(f"{MIAS}/events", headers=leo)).status_code == 404
    seen = (await calendar.get(LIST, headers=leo, params={"syncToken": token})).json()["items"]
    assert [(item["id"], item["deleted"]) for item in seen] == [(WHO, True)]


async def test_each_role_sees_of_events_what_the_discovery_document_says(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, leo: dict[str, str]
) -> None:
    sandbox.insert_event(WHO, timed(summary="open", description="vet"))
    secret = sandbox.insert_event(
        WHO, timed(hour=12, summary="secret", description="vet", visibility="private")
    )
    guests = [{"email": LEO}]
    sandbox.insert_event(WHO, timed(hour=14, summary="ours", visibility="private", attendees=guests))
    for role, seen in (
        ("freeBusyReader", [None, None, None]),
        ("reader", ["open", None, "ours"]),
        ("writerWithoutPrivateAccess", ["open", None, "ours"]),
        ("writer", ["open", "secret", "ours"]),
    ):
        await share(calendar, role)
        query = {"singleEvents": "true", "orderBy": "startTime"}
        page = (await calendar.get(f"{MIAS}/events", headers=leo, params=query)).json()
        assert page["accessRole"] == role
        assert [item.get("summary") for item in page["items"]] == seen
        assert all("description" in item for item in page["items"][:2]) is (role == "writer")
        one = (await calendar.get(f"{MIAS}/events/{secret['id']}", headers=leo)).json()
        assert one.get("summary") == seen[1] and one["start"] == secret["start"] | one["start"]
        found = (await calendar.get(f"{MIAS}/events", headers=leo, params={"q": "vet"})).json()["items"]
        assert len(found) == {"freeBusyReader": 0, "writer": 2}.get(role, 1)
        written = await calendar.post(f"{MIAS}/events", headers=leo, json=timed(hour=20))
        assert written.status_code == (200 if role.startswith("writer") else 403)
        if written.status_code == 200:
            await calendar.delete(f"{MIAS}/events/{written.json()['id']}", headers=leo)


async def test_rules_synchronise_page_and_are_watched(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    for name in ("a", "b", "c"):
        await share(calendar, "reader", {"type": "user", "value": f"{name}@example.com"})
    first = (await calendar.get(ACL, params={"maxResults": "3"})).json()
    rest = (await calendar.get(ACL, params={"maxResults": "3", "pageToken": first["nextPageToken"]})).json()
    assert (len(first["items"]), len(rest["items"]), "nextSyncToken" in first) == (3, 1, False)
    token = {"syncToken": rest["nextSyncToken"]}
    assert (await calendar.get(ACL, params=token)).json()["items"] == []
    async with receiving() as app:
        body = {"id": "acl-1", "type": "web_hook", "address": app.address}
        assert (await calendar.post(f"{ACL}/watch", json=body)).status_code == 200
        assert (await app.next())[0]["x-goog-resource-state"] == "sync"
        await calendar.delete(f"{ACL}/user:a@example.com")
        assert (await app.next())[0]["x-goog-resource-state"] == "exists"
    await calendar.patch(f"{ACL}/user:b@example.com", json={"role": "writer"})
    seen = (await calendar.get(ACL, params=token)).json()["items"]
    assert [(item["id"], item["role"]) for item in seen] == [
        ("user:a@example.com", "none"),
        ("user:b@example.com", "writer"),
    ]
    assert (await calendar.get(ACL, params={**token, "showDeleted": "false"})).status_code == 400
    assert (await calendar.get(ACL, params={"syncToken": "W10="})).status_code == 400
    sandbox.expire("sync")
    assert (await calendar.get(ACL, params=token)).status_code == 410


async def test_a_new_role_name_or_zone_of_a_calendar_is_a_change_of_every_list_it_is_on(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, leo: dict[str, str]
) -> None:
    sandbox.share_calendar(WHO, LEO, role="freeBusyReader")
    token = (await calendar.get(LIST, headers=leo)).json()["nextSyncToken"]

    async def changed() -> list[dict[str, Any]]:
        nonlocal token
        answer = (await calendar.get(LIST, headers=leo, params={"syncToken": token})).json()
        token = answer["nextSyncToken"]
        return answer["items"]

    await share(calendar, "reader")
    assert [item["accessRole"] for item in await changed()] == ["reader"]
    await share(calendar, "reader")
    assert await changed() == []
    await calendar.patch(f"{ROOT}/primary", json={"summary": "Cats"})
    assert [item["summary"] for item in await changed()] == ["Cats"]
    sandbox.set_time_zone(WHO, "Europe/Berlin")
    assert [item["timeZone"] for item in await changed()] == ["Europe/Berlin"]
    sandbox.set_time_zone(WHO, "Europe/Berlin")
    assert await changed() == []


async def test_a_deleted_calendar_is_gone_for_everybody_and_only_its_owner_deletes_it(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, leo: dict[str, str]
) -> None:
    made = (await calendar.post(ROOT, json={"summary": "Cats"})).json()["id"]
    sandbox.share_calendar(WHO, LEO, made, "owner")
    entry = (await calendar.get(f"{LIST}/{made}", headers=leo)).json()
    assert (entry["accessRole"], entry["dataOwner"]) == ("owner", WHO)
    assert (await calendar.get(f"{ROOT}/{made}")).json()["dataOwner"] == WHO
    assert "dataOwner" not in (await calendar.get(f"{ROOT}/primary")).json()
    assert (await calendar.delete(f"{ROOT}/{made}", headers=leo)).status_code == 403
    assert (await calendar.delete(f"{LIST}/{made}")).status_code == 204
    assert (await calendar.get(f"{ROOT}/{made}/events")).status_code == 200, "off the list is not gone"
    token = (await calendar.get(LIST, headers=leo)).json()["nextSyncToken"]
    assert (await calendar.delete(f"{ROOT}/{made}")).status_code == 204
    assert (await calendar.get(f"{ROOT}/{made}", headers=leo)).status_code == 404
    seen = (await calendar.get(LIST, headers=leo, params={"syncToken": token})).json()["items"]
    assert [(item["id"], item["deleted"]) for item in seen] == [(made, True)]
    for path, expected in (
        (f"{ROOT}/primary", "cannotDeletePrimaryCalendar"),
        (f"{LIST}/primary", "cannotChangeOwnPrimarySubscription"),
    ):
        assert reason(await calendar.delete(path)) == (403, expected)


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [("calendar.acls", 200, 200), ("calendar.acls.readonly", 200, 403), ("calendar.events", 403, 403)],
)
async def test_rules_have_scopes_of_their_own(mia: Person, scope: str, reads: int, writes: int) -> None:
    header = await mia.bearer(G + scope)
    assert (await mia.http.get(ACL, headers=header)).status_code == reads
    body = {"role": "reader", "scope": {"type": "default"}}
    assert (await mia.http.post(ACL, json=body, headers=header)).status_code == writes


async def test_sharing_survives_a_restart(tmp_path: Path) -> None:
    first = Sandbox(clock=Clock(), seed=7, state_file=tmp_path / "google.json")
    populate(first)
    first.add_account(LEO)
    first.share_calendar(WHO, LEO, role="writer")
    first.save()
    second = Sandbox(clock=Clock(), seed=7, state_file=tmp_path / "google.json")
    second.insert_event(LEO, timed(), WHO)
    assert len(second.events(WHO)) == 1
