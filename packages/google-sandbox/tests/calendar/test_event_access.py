"""Which tokens, scopes and roles an API request needs."""

from __future__ import annotations

import httpx2

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.discovery import document, methods
from sandbox_support.events import EVENTS, WHO, refused, timed
from sandbox_support.person import CALENDARS, G, Person

LIST = "/calendar/v3/users/me/calendarList"


async def test_without_a_token_or_with_a_bad_one_the_answer_is_401(
    calendar: httpx2.AsyncClient, clock: Clock
) -> None:
    del calendar.headers["authorization"]
    bare = await calendar.get(EVENTS)
    assert await refused(bare) == (401, "global", "required")
    assert bare.json()["error"]["status"] == "UNAUTHENTICATED"
    assert bare.json()["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"
    bad = await calendar.get(EVENTS, headers={"authorization": "Bearer ya29.nonsense"})
    assert await refused(bad) == (401, "global", "authError")
    assert bad.json()["error"]["errors"][0]["message"] == "Invalid Credentials"
    assert bad.json()["error"]["errors"][0]["location"] == "Authorization"


async def test_a_missing_scope_is_403_with_the_observed_body(mia: Person) -> None:
    header = await mia.bearer(G + "calendar.calendarlist.readonly")
    assert (await mia.http.get(LIST, headers=header)).status_code == 200
    answer = await mia.http.get(EVENTS, headers=header)
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": 403,
        "message": "Request had insufficient authentication scopes.",
        "errors": [
            {"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}
        ],
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {
                    "service": "calendar-json.googleapis.com",
                    "method": "calendar.v3.Events.List",
                },
            }
        ],
    }


def test_no_endpoint_takes_a_scope_its_discovery_document_does_not_list(sandbox: Sandbox) -> None:
    checked = 0
    for name in ("calendar.v3", "drive.v3"):
        for method in methods(document(name)):
            path = "/" + document(name)["servicePath"] + method["path"]
            for endpoint in sandbox.app.routes.endpoints:
                if endpoint.name == method["id"] and endpoint.path.count("/") == path.count("/"):
                    taken = endpoint.handler.__closure__[1].cell_contents
                    assert taken <= set(method["scopes"]), endpoint.name
                    checked += 1
    assert checked > 30


async def test_a_calendar_of_somebody_else_is_not_found(
    calendar: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.add_account("leo@example.com")
    sandbox.insert_event("leo@example.com", timed())
    answer = await calendar.get("/calendar/v3/calendars/leo@example.com/events")
    assert await refused(answer) == (404, "global", "notFound")


async def test_a_reader_cannot_write(calendar: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.add_account("leo@example.com")
    sandbox.share_calendar("leo@example.com", WHO, role="reader")
    path = "/calendar/v3/calendars/leo@example.com/events"
    assert (await calendar.get(path)).json()["accessRole"] == "reader"
    answer = await calendar.post(path, json=timed())
    assert await refused(answer) == (403, "calendar", "requiredAccessLevel")
    roles = (await calendar.get(LIST, params={"minAccessRole": "owner"})).json()["items"]
    assert [item["id"] for item in roles] == [WHO]


async def test_calendars_scope_is_enough_for_everything(calendar: httpx2.AsyncClient) -> None:
    assert CALENDARS == G + "calendar"
    for path in ("colors", "users/me/settings", "users/me/settings/locale", "calendars/primary"):
        assert (await calendar.get(f"/calendar/v3/{path}")).status_code == 200
    assert (await calendar.get("/calendar/v3/users/me/settings/nothing")).status_code == 404
