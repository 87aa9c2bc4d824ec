"""Faults, magic accounts and the request log."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.discovery import document, methods
from sandbox_support.events import EVENTS, timed
from sandbox_support.person import CALENDARS, CLIENT, SECRET, Person
from sandbox_support.person import EVENTS as EVENTS_SCOPE

WHO = "mia@example.com"


async def test_a_fault_answers_so_many_times_and_then_no_more(mia: Person, sandbox: Sandbox) -> None:
    tokens = await mia.tokens()
    sandbox.fault("oauth.token.refresh", status=503, times=2)
    answers = [await mia.refresh(tokens["refresh_token"]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["error"] == "temporarily_unavailable"


async def test_a_fault_lasts_for_so_long(mia: Person, sandbox: Sandbox, clock: Clock) -> None:
    header = await mia.bearer()
    sandbox.fault("calendar.*", status=429, seconds=30)
    answer = await mia.http.get(EVENTS, headers=header)
    assert answer.status_code == 429
    assert answer.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
    clock.advance(seconds=30)
    assert (await mia.http.get(EVENTS, headers=header)).status_code == 200


async def test_a_fault_hits_only_its_account_and_client(mia: Person, sandbox: Sandbox) -> None:
    sandbox.add_account("leo@example.com")
    one = sandbox.grant(WHO, CLIENT, [CALENDARS])["refresh_token"]
    other = sandbox.grant("leo@example.com", CLIENT, [CALENDARS])["refresh_token"]
    rule = sandbox.fault("oauth.token*", account=WHO, error="invalid_grant")
    assert (await mia.refresh(one)).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert (await mia.refresh(other)).status_code == 200
    sandbox.lift(rule)
    assert (await mia.refresh(one)).status_code == 200
    sandbox.fault("oauth.token*", client="somebody else", status=500)
    assert (await mia.refresh(one)).status_code == 200


@pytest.mark.parametrize(("drop", "made"), [("before", 0), ("after", 1)])
async def test_a_connection_can_drop_before_or_after_the_action(
    mia: Person, sandbox: Sandbox, drop: str, made: int
) -> None:
    header = await mia.bearer()
    sandbox.fault("calendar.events.insert", drop=drop, times=1)
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        await mia.http.post(EVENTS, json=timed(), headers=header)
    assert len(sandbox.events(WHO)) == made
    assert sandbox.requests("calendar.events.insert")[0]["status"] == 0


async def test_garbage_is_no_json(mia: Person, sandbox: Sandbox) -> None:
    tokens = await mia.tokens()
    sandbox.fault("oauth.token.refresh", garbage=True, times=1)
    answer = await mia.refresh(tokens["refresh_token"])
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


async def test_latency_comes_before_the_action(mia: Person, sandbox: Sandbox) -> None:
    tokens = await mia.tokens()
    sandbox.fault("oauth.token.refresh", latency=30)
    with pytest.raises(httpx2.ReadTimeout):
        await mia.http.post("/token", data=refresh_of(tokens), timeout=0.2)
    assert sandbox.requests("oauth.token.refresh") == []


def refresh_of(tokens: dict[str, Any]) -> dict[str, str]:
    return {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


@pytest.mark.parametrize(
    "senseless",
    [{}, {"status": 200}, {"status": 503, "times": 0}, {"drop": "during"}, {"latency": -1}, {"latency": 601}],
    ids=str,
)
def test_a_senseless_fault_is_refused(sandbox: Sandbox, senseless: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        sandbox.fault("*", **senseless)


@pytest.mark.parametrize(
    ("account", "status", "description"),
    [
        ("revoked@example.com", 400, "Token has been expired or revoked."),
        ("rapt+1@example.com", 400, "reauth related error (invalid_rapt)"),
        ("admin@example.com", 400, "Access to this account is blocked by its administrator."),
    ],
)
async def test_magic_accounts_fail_at_the_refresh(
    mia: Person, sandbox: Sandbox, account: str, status: int, description: str
) -> None:
    mia.email = account
    tokens = await mia.tokens()
    answer = await mia.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error_description"]) == (status, description)
    assert answer.json().get("error_subtype") == ("invalid_rapt" if "rapt" in account else None)


async def test_magic_accounts_cause_api_errors(mia: Person) -> None:
    async def statuses(account: str, times: int = 4) -> list[int]:
        mia.email = account
        header = await mia.bearer()
        return [(await mia.http.get(EVENTS, headers=header)).status_code for _ in range(times)]

    assert await statuses("quota@example.com", 2) == [403, 403]
    assert await statuses("revoked@example.com", 1) == [401]
    assert sorted(await statuses("flaky@example.com")) == [200, 200, 503, 503]


async def test_magic_accounts_change_the_consent(mia: Person) -> None:
    mia.email = "untick@example.com"
    assert set((await mia.allow(f"openid {EVENTS_SCOPE}"))["scope"].split()) == {"openid"}
    mia.email = "deny@example.com"
    assert (await mia.allow(f"openid {EVENTS_SCOPE}"))["error"] == "access_denied"
    mia.email = "testing@example.com"
    assert (await mia.tokens(EVENTS_SCOPE))["refresh_token_expires_in"] == 604799


async def test_a_gone_account_answers_410_to_every_sync_token(mia: Person) -> None:
    mia.email = "gone@example.com"
    header = await mia.bearer()
    token = (await mia.http.get(EVENTS, headers=header)).json()["nextSyncToken"]
    answer = await mia.http.get(EVENTS, headers=header, params={"syncToken": token})
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (410, "fullSyncRequired")


async def test_the_log_counts_how_often_a_refresh_token_was_used(mia: Person, sandbox: Sandbox) -> None:
    first, second = await mia.tokens(), await mia.tokens()
    for token in (first, first, second):
        await mia.refresh(token["refresh_token"])
    found = sandbox.requests("oauth.token.refresh", refresh_token=first["refresh_token"])
    assert len(found) == 2
    assert (found[0]["status"], found[0]["account"], found[0]["client"]) == (200, WHO, CLIENT)
    assert first["refresh_token"] not in str(found), "the log shows fingerprints"
    over_http = await mia.http.get("/sandbox/requests", params={"refresh_token": first["refresh_token"]})
    assert over_http.json()["count"] == 2
    assert over_http.json()["counts"]["oauth.token.refresh"] == 3


def test_text_that_is_no_calendar_is_refused_with_a_sentence(sandbox: Sandbox) -> None:
    for text in ("", "hello", "{}", "BEGIN:VEVENT\nEND:VEVENT", "BEGIN:VCALENDAR\nBEGIN:VEVENT"):
        with pytest.raises(ValueError, match="iCalendar"):
            sandbox.import_ical(WHO, text)


def test_every_api_endpoint_bears_the_name_faults_and_log_know_from_its_discovery_document(
    sandbox: Sandbox,
) -> None:
    for api in ("calendar", "drive"):
        known = {
            (method["httpMethod"], method["path"].count("/"), method["id"])
            for method in methods(document(f"{api}.v3"))
        }
        served = [e for e in sandbox.app.routes.endpoints if e.path.startswith(f"/{api}/v3/")]
        assert len(served) > 10
        for endpoint in served:
            path = endpoint.path.removeprefix(f"/{api}/v3/")
            assert (endpoint.method, path.count("/"), endpoint.name) in known
