"""The HTTP admin API: every method of `Sandbox` is an operation, described and checked by its types."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from google_sandbox import Sandbox
from google_sandbox.admin.openapi import argument_texts, openapi
from google_sandbox.admin.operations import Operation, operations
from sandbox_support.events import EVENTS, timed
from sandbox_support.person import CLIENT, SIGN_IN, Person
from sandbox_support.person import EVENTS as EVENTS_SCOPE

WHO = "mia@example.com"
IN_PROCESS = {
    "serve",
    "serve_in_thread",
    "save",
    "requests",
}  # what only the process itself can do, and a shorthand
OPERATIONS = {operation.name: operation for operation in operations(Sandbox)}


def test_every_public_method_is_an_operation() -> None:
    public = {name for name in dir(Sandbox) if not name.startswith("_") and callable(getattr(Sandbox, name))}
    assert public - IN_PROCESS == set(OPERATIONS)


def test_the_description_is_valid_and_names_every_parameter_that_a_docstring_explains() -> None:
    OpenAPIV31SpecValidator(openapi(Sandbox)).validate()
    for operation in OPERATIONS.values():
        assert set(argument_texts(operation.documentation)) <= set(operation.parameters), operation.name
        assert operation.documentation.split("\n")[0].endswith((".", "…")), operation.name


async def test_the_description_is_served_with_the_address_it_was_asked_at(
    http: httpx2.AsyncClient, base: str
) -> None:
    served = (await http.get("/sandbox/openapi.json")).json()
    assert served["servers"] == [{"url": base}]
    code = served["paths"]["/sandbox/codes"]["post"]
    body = code["requestBody"]["content"]["application/json"]["schema"]
    assert code["operationId"] == "mint_code"
    assert body["required"] == ["email", "client_id"] and body["additionalProperties"] is False
    assert body["properties"]["kind"]["enum"] == ["native", "popup", "web"]
    assert "empty redirect URI" in body["properties"]["kind"]["description"]


class Admin:
    """Sends requests to the admin API and holds each response against its description."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._paths = openapi(Sandbox)["paths"]

    async def __call__(self, verb: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._http.request(verb, f"/sandbox/{path}", **options)
        assert answer.status_code == 200, answer.text
        (schema,) = [
            shape[verb.lower()]["responses"]["200"]["content"]["application/json"]["schema"]
            for template, shape in self._paths.items()
            if verb.lower() in shape and _fits(template, f"/sandbox/{path}")
        ]
        Draft202012Validator(schema).validate(answer.json())
        return dict(answer.json())

    async def post(self, path: str, **members: Any) -> dict[str, Any]:
        return await self("POST", path, json=members)


def _fits(template: str, path: str) -> bool:
    pairs = list(zip(template.split("/"), path.split("/"), strict=False))
    return template.count("/") == path.count("/") and all(t == p or t.startswith("{") for t, p in pairs)


@pytest.fixture
def admin(http: httpx2.AsyncClient) -> Admin:
    return Admin(http)


async def test_accounts_and_clients_are_made_and_deleted(admin: Admin, mia: Person, sandbox: Sandbox) -> None:
    client = await admin.post(
        "clients", client_id="c2", client_secret="s2", redirect_uris=["https://two.example.com/cb"]
    )
    assert client["redirect_uris"] == ["https://two.example.com/cb"]
    made = await admin.post("accounts", count=2000)
    assert len(made["accounts"]) == 2000 and made["accounts"][7]["email"] == "user7@load.example.com"
    loaded = await admin.post(
        "accounts", count=2, domain="two.example.com", client_id=CLIENT, scopes=[EVENTS_SCOPE]
    )
    assert (await mia.refresh(loaded["accounts"][1]["refresh_token"])).status_code == 200
    await admin.post("accounts", email="leo@example.com", name="Leo", locale="ja")
    leo = await admin("PUT", "accounts/leo@example.com", json={})
    assert (leo["name"], leo["locale"]) == ("Leo", "ja")
    assert await admin("GET", "accounts/leo@example.com") == leo
    assert leo in (await admin("GET", "accounts"))["accounts"]
    await admin("DELETE", "accounts/leo@example.com")
    assert sandbox.account("leo@example.com").deleted
    await admin("DELETE", "clients/c2")
    assert (await mia.begin(EVENTS_SCOPE, client_id="c2")).status_code == 401


async def test_codes_and_tokens_need_no_page(admin: Admin, mia: Person) -> None:
    code = (await admin.post("codes", email=WHO, client_id=CLIENT, scopes=SIGN_IN))["code"]
    assert (await mia.exchange(code, redirect_uri="")).status_code == 200
    tokens = await admin.post("tokens", email=WHO, client_id=CLIENT, scopes=EVENTS_SCOPE)
    header = {"authorization": f"Bearer {tokens['access_token']}"}
    await admin.post("expire", what="access", email=WHO)
    assert (await mia.http.get(EVENTS, headers=header)).status_code == 401
    assert (await admin.post("revoke", email=WHO))["projects"] == ["demo"]
    assert (await mia.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    kid = (await admin.post("keys/rotate", withdraw=True))["kid"]
    assert [key["kid"] for key in (await mia.http.get("/oauth2/v3/certs")).json()["keys"]] == [kid]


async def test_clock_faults_and_request_log(admin: Admin, sandbox: Sandbox, mia: Person) -> None:
    before = (await admin("GET", "clock"))["now"]
    assert (await admin.post("clock", seconds=90))["now"] > before
    assert (await admin.post("clock", to="2030-01-01T00:00:00+00:00"))["now"] == "2030-01-01T00:00:00+00:00"
    assert sandbox.now().year == 2030
    rule = (await admin.post("faults", endpoint="calendar.*", status=500, times=3, seconds=60))["id"]
    (shown,) = (await admin("GET", "faults"))["faults"]
    assert (shown["id"], shown["until"]) == (rule, "2030-01-01T00:01:00+00:00")
    await admin("DELETE", f"faults/{rule}")
    assert await admin("GET", "faults") == {"faults": []}
    for _ in range(2):
        await admin.post("faults", drop="before")
    await admin("DELETE", "faults")
    assert sandbox.faults() == []
    await mia.http.get("/oauth2/v3/certs")
    log = await admin("GET", "requests", params={"endpoint": "oauth.jwks", "status": 200, "since": 0})
    assert (log["count"], log["counts"], len(log["requests"])) == (1, {"oauth.jwks": 1}, 1)
    await admin("DELETE", "requests")
    assert (await admin("GET", "requests"))["count"] == 0


async def test_calendars_are_filled_shared_and_changed(admin: Admin, sandbox: Sandbox) -> None:
    ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261124\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR"
    primary = f"calendars/{WHO}/primary"
    event = await admin.post(f"{primary}/events", **timed())
    changed = await admin("PATCH", f"{primary}/events/{event['id']}", json={"summary": "Tea"})
    assert changed["summary"] == "Tea"
    imported = await admin("POST", f"{primary}/import", content=ics)
    assert imported == {"imported": 1, "skipped": [], "assumed": []}
    broken = ics.replace("20261124", "20261324")
    imported = await admin("POST", f"{primary}/import", content=broken)
    assert imported["skipped"] == [{"uid": "1", "reason": "its DTSTART cannot be read"}]
    window = {"time_min": "2026-11-24T00:00:00Z", "time_max": "2026-11-25T00:00:00+00:00"}
    found = (await admin("GET", f"{primary}/events", params=window))["events"]
    assert [one["summary"] for one in found] == ["x", "Tea"]
    await admin("DELETE", f"{primary}/events/{event['id']}")
    assert len(sandbox.events(WHO)) == 1
    await admin.post(f"{primary}/time-zone", time_zone="Asia/Tokyo")
    assert (await admin("GET", f"accounts/{WHO}/settings"))["timezone"] == "Asia/Tokyo"
    sandbox.add_account("leo@example.com")
    await admin.post(f"{primary}/share", reader="leo@example.com", role="writer")
    assert len(sandbox.events("leo@example.com", WHO)) == 1
    assert await admin("GET", "channels") == {"channels": []}


async def test_security_events_are_sent_for_a_service_account(admin: Admin) -> None:
    key = await admin.post("service-accounts", project="demo")
    assert key["client_email"].endswith("@demo.iam.gserviceaccount.com")
    assert (await admin.post("security-events", event="verification")) == {"token": None}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("accounts", {}, 400, "email is missing"),
        ("accounts", {"email": "nonsense"}, 400, "not an email address"),
        ("accounts", {"count": -1}, 400, "count must be between"),
        ("accounts", {"count": True}, 400, "count must be an integer or null"),
        ("codes", {"client_id": CLIENT}, 400, "email is missing"),
        ("codes", {"email": "nobody@example.com", "client_id": CLIENT}, 404, "no account"),
        ("codes", {"email": WHO, "client_id": CLIENT, "kind": "fax"}, 400, "kind must be one of 'native'"),
        (
            "codes",
            {"email": WHO, "client_id": CLIENT, "scopes": [1]},
            400,
            "scopes must be a string or a list",
        ),
        ("codes", {"email": WHO, "client_id": CLIENT, "colour": "red"}, 400, "unknown member 'colour'"),
        ("clients", {"client_id": "c", "client_secret": "s", "testing": "yes"}, 400, "testing must be true"),
        ("expire", {"what": "milk"}, 400, "what must be one of 'access'"),
        ("clock", {"to": "yesterday"}, 400, "to must be an ISO 8601 timestamp"),
        ("clock", {"to": "2026-11-24T09:00:00"}, 400, "with an offset"),
        ("clock", {"seconds": 1e300}, 400, "out of range"),
        ("clock", {"seconds": "many"}, 400, "seconds must be a finite number"),
        ("faults", {"status": "many"}, 400, "status must be an integer or null"),
        ("faults", {}, 400, "say what to do"),
        ("channels/losses", {"share": 1.5}, 400, "share must be between 0 and 1"),
        (f"accounts/{WHO}/settings", {"weekStart": 1}, 400, "weekStart must be a string"),
        (f"accounts/{WHO}/settings", {"email": "leo@example.com"}, 400, "unknown member 'email'"),
        ("revoke", {"email": "nobody@example.com"}, 404, "no account"),
        ("calendars/nobody@example.com/primary/import", {}, 404, "no account"),
        (f"calendars/{WHO}/primary/events", {"summary": "no times"}, 400, "start"),
        (f"calendars/{WHO}/primary/share", {"reader": WHO, "role": "none"}, 400, "role must be one of"),
        ("security-events", {"event": "earthquake"}, 400, "event must be one of"),
    ],
)
async def test_a_wrong_request_is_refused_with_a_sentence_that_names_the_member(
    http: httpx2.AsyncClient, path: str, body: dict[str, Any], status: int, said: str
) -> None:
    answer = await http.post(f"/sandbox/{path}", json=body)
    assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text


async def test_a_body_that_is_no_json_object_and_a_wrong_query_are_refused(http: httpx2.AsyncClient) -> None:
    for content in ("email=mia", "[]", "null", '{"seconds": NaN}'):
        assert (await http.post("/sandbox/clock", content=content)).status_code == 400
    for query in ("status=many", "colour=red", "since="):
        answer = await http.get(f"/sandbox/requests?{query}")
        assert (answer.status_code, query.split("=")[0] in answer.json()["error"]) == (400, True)
    assert (await http.delete("/sandbox/faults/first")).json() == {
        "error": "fault_id must be an integer or null"
    }


def test_an_operation_describes_what_its_method_returns() -> None:
    def schema(operation: Operation) -> Any:
        path = openapi(Sandbox)["paths"][f"/sandbox/{operation.route.path}"]
        return path[operation.route.verb.lower()]["responses"]["200"]["content"]["application/json"]["schema"]

    assert schema(OPERATIONS["grant"])["required"] == ["access_token", "refresh_token", "scope", "sub"]
    assert schema(OPERATIONS["now"])["properties"]["now"]["format"] == "date-time"
    assert "_seen" not in schema(OPERATIONS["import_ical"])["properties"]
