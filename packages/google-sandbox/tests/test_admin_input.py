"""Ambiguous and extreme input to the admin API is refused, and a refused request changes nothing."""

from __future__ import annotations

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.events import timed
from sandbox_support.person import CLIENT

WHO = "mia@example.com"
HUGE = "9" * 400
ICS = "BEGIN:VCALENDAR\nEND:VCALENDAR"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("clock", f'{{"seconds": {HUGE}}}', "seconds must be a finite number"),
        ("clock", '{"seconds": 1e999}', "seconds must be a finite number"),
        ("faults", f'{{"status": 500, "latency": {HUGE}}}', "latency must be a finite number"),
        ("clock", '{"seconds": 1, "seconds": 2}', "the body has 'seconds' twice"),
        ("clock", '{"seconds": NaN}', "the body is not JSON: NaN"),
        ("clock", '{"seconds": 1', "the body is not JSON"),
        ("clock", "[]", "the body must be a JSON object"),
        ("clock", "[" * 100_000, "the body is nested too deeply"),
        ("accounts", r'{"email": "a@example.com", "name": "\ud800"}', "the body is not Unicode text"),
        ("service-accounts", r'{"project": "\ud800"}', "the body is not Unicode text"),
        ("accounts", '{"email": "a@example.com", "count": 2}', "give email or count, not both"),
        (f"accounts/{WHO}/settings", '{"self": "x"}', "unknown member 'self'"),
        (f"accounts/{WHO}/settings", '{"defaultEventLength": "1\u0661"}', "defaultEventLength cannot be"),
    ],
)
async def test_an_ambiguous_or_extreme_body_is_refused_with_what_is_wrong(
    http: httpx2.AsyncClient, path: str, body: str, said: str
) -> None:
    answer = await http.post(f"/sandbox/{path}", content=body)
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("query", ["status=200&status=500", "status=2_00", "status=%20200", "since=+1"])
async def test_a_query_is_read_strictly(http: httpx2.AsyncClient, query: str) -> None:
    assert (await http.get(f"/sandbox/requests?{query}")).status_code == 400


@pytest.mark.parametrize("more", [{"client_id": "nobody"}, {"client_id": CLIENT, "scopes": ["no such"]}])
async def test_no_account_is_made_if_its_tokens_cannot_be(
    http: httpx2.AsyncClient, sandbox: Sandbox, more: dict[str, object]
) -> None:
    before = len(sandbox.accounts())
    for whom in ({"count": 2}, {"email": "new@example.com"}):
        assert (await http.post("/sandbox/accounts", json={**whom, **more})).status_code in (400, 404)
    assert len(sandbox.accounts()) == before


async def test_a_file_that_is_no_calendar_makes_no_calendar(http: httpx2.AsyncClient) -> None:
    path = f"/sandbox/calendars/{WHO}/team"
    assert (await http.post(f"{path}/import", content="<html>")).status_code == 400
    assert (await http.get(f"{path}/events")).status_code == 404


@pytest.mark.parametrize("events", [0, 1])
async def test_an_import_cannot_replace_another_accounts_calendar(
    http: httpx2.AsyncClient, sandbox: Sandbox, events: int
) -> None:
    sandbox.add_account("leo@example.com")
    for _ in range(events):
        sandbox.insert_event("leo@example.com", timed())
    answer = await http.post(f"/sandbox/calendars/{WHO}/leo@example.com/import", content=ICS)
    assert (answer.status_code, "another account's" in answer.json()["error"]) == (404, True)
    assert len(sandbox.events("leo@example.com")) == events
