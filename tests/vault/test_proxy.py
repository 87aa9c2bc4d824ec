"""The Google API proxy: the allow-list, and no credentials of the caller passed on."""

from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.errors import BadRequest, OperatorMustAct
from catflap.google.proxy_rules import check_allowed, needed_scopes, normalise_call, parse_rules
from catflap.google.scopes import WHOLE_CALENDAR
from catflap.settings import PROXY_ALLOW
from tests.support.canned_answers import dripping
from tests.support.http import http_client
from tests.vault.conftest import EMAIL, ExpireToken, Google, GrantConsent, OpenApi, TokenApi

RULES = parse_rules(PROXY_ALLOW)
EVENTS = "www.googleapis.com/calendar/v3/calendars/primary/events"
EVENT = {
    "summary": "Tea",
    "start": {"dateTime": "2026-11-24T15:00:00Z"},
    "end": {"dateTime": "2026-11-24T16:00:00Z"},
}


async def test_an_event_is_inserted_and_read_for_the_user(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    url = f"/v1/users/{grant.user_id}/google/{EVENTS}"
    made = await api.http.post(url, headers=headers, json=EVENT)
    assert made.status_code == 200
    found = await api.http.get(url, headers=headers, params={"timeMin": "2026-11-24T00:00:00Z"})
    assert [one["summary"] for one in found.json()["items"]] == ["Tea"]
    assert "set-cookie" not in found.headers
    assert found.headers["Content-Security-Policy"].startswith("sandbox")


async def test_a_token_that_google_refuses_is_replaced_once(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    google.trouble(endpoint="calendar.*", status=401, times=1)
    answer = await api.http.post(f"/v1/users/{grant.user_id}/google/{EVENTS}", headers=headers, json=EVENT)
    assert answer.status_code == 200
    assert google.refreshes() == 1


async def test_a_second_refusal_is_the_callers(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    google.trouble(endpoint="calendar.*", status=401)
    answer = await api.http.get(f"/v1/users/{grant.user_id}/google/{EVENTS}", headers=headers)
    assert answer.status_code == 401
    assert google.refreshes() == 1


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
async def test_an_answer_that_drips_is_cut_off_in_the_end(
    open_api: OpenApi, grant_consent: GrantConsent, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("catflap.web.routes.google_proxy._WHOLE_SECONDS", 0.5)
    grant = await grant_consent()
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port_of(listener)}/v1/users/{grant.user_id}/google/{EVENTS}"
    async with (
        dripping(begun) as google,
        open_api(google_api_url=google.rstrip("/")) as api,
        serving(api.app, listener),
        http_client() as http,
    ):
        headers = await api.key("proxy")
        if not begun:
            assert (await http.get(url, headers=headers)).status_code == 503
            return
        # What has come is passed on at once, and half an answer is never taken for the whole.
        async with http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"x"
            with pytest.raises(httpx2.RemoteProtocolError):
                async for _ in chunks:
                    pass


async def test_a_large_body_streams_and_is_not_sent_twice(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    google.trouble(endpoint="*", account=EMAIL, status=401)
    answer = await api.http.post(
        f"/v1/users/{grant.user_id}/google/{EVENTS}", headers=headers, content=b" " * (2 * 1024 * 1024)
    )
    assert answer.status_code in (401, 413)
    assert google.refreshes() == 0


async def test_googles_own_refusals_pass_through(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    answer = await api.http.get(f"/v1/users/{grant.user_id}/google/{EVENTS}/none", headers=headers)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == 404


async def test_an_invalid_grant_costs_no_call(
    api: TokenApi, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    await expire_token(grant)
    google.revoke_access()
    for _ in range(3):
        answer = await api.http.get(f"/v1/users/{grant.user_id}/google/{EVENTS}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "reconsent_required")
    assert google.refreshes() == 1
    assert google.sandbox.state.request_log.counts["calendar.events.list"] == 0


async def test_a_narrow_key_does_what_it_may_and_no_more(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant = await grant_consent()
    headers = await api.key("proxy", scopes=["calendar.events.readonly"])
    url = f"/v1/users/{grant.user_id}/google/{EVENTS}"
    assert (await api.http.get(url, headers=headers)).status_code == 200
    assert (await api.http.post(url, headers=headers, json=EVENT)).status_code == 403


async def test_the_proxy_needs_its_own_right(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant = await grant_consent()
    url = f"/v1/users/{grant.user_id}/google/{EVENTS}"
    assert (await api.http.get(url)).status_code == 401
    assert (await api.http.get(url, headers=await api.key("tokens"))).status_code == 403


async def test_calls_are_written_down_without_what_they_carry(
    api: TokenApi, grant_consent: GrantConsent
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    await api.http.get(f"/v1/users/{grant.user_id}/google/{EVENTS}?q=canary", headers=headers)
    await api.services.audit.write()
    (entry,) = await api.services.audit.read()
    assert (entry.action, entry.detail) == ("proxy", "GET www.googleapis.com/calendar/v3")
    assert "canary" not in repr(entry)


WAYS_ROUND = (
    "evil.example/calendar/v3/x",
    "127.0.0.1/calendar/v3/x",
    "169.254.169.254/computeMetadata/v1",
    "www.googleapis.com:8443/calendar/v3/x",
    "www.googleapis.com./calendar/v3/x",
    "www.googleapis.com@evil.example/calendar/v3/x",
    "WWW.GOOGLEAPIS.COM/calendar/v3/x",
    "oauth2.googleapis.com/token",
    "www.googleapis.com/oauth2/v3/userinfo",
    "www.googleapis.com/batch/calendar/v3",
    "www.googleapis.com/calendar/v3/../../oauth2/v3/userinfo",
    "www.googleapis.com/calendar/v3/%2e%2e/%2e%2e/oauth2/v3/userinfo",
    "www.googleapis.com/calendar/v3/%2E%2E%2Fdrive",
    "www.googleapis.com/calendar/v3/%252e%252e/x",
    "www.googleapis.com/calendar/v3/..%5c..%5cx",
    "www.googleapis.com//calendar/v3/x",
    "www.googleapis.com/calendar//v3/x",
    "www.googleapis.com/calendar/v3",
    "www.googleapis.com/calendar/v31/x",
    "www.googleapis.com/calendar/v3/x%00",
    "www.googleapis.com/calendar/v3/x%0d%0aHost:%20evil.example",
    "www.googleapis.com/calendar/v3/calendars/primary/events?access_token=mine",
    "www.googleapis.com/calendar/v3/calendars/primary/events?$httpMethod=DELETE",
    "www.googleapis.com/gmail/v1/users/me/messages",
    "people.googleapis.com/v1/people/me",
)


async def test_there_is_no_way_round_the_allow_list(
    api: TokenApi, grant_consent: GrantConsent, google: Google
) -> None:
    grant, headers = await grant_consent(), await api.key("proxy")
    before = google.sandbox.state.request_log.counts.total()
    for where in WAYS_ROUND:
        # Sent as raw bytes, because a polite client would tidy the path first.
        status = await _raw(api, f"/v1/users/{grant.user_id}/google/{where}", headers["Authorization"])
        assert status in (403, 404), where
    assert google.sandbox.state.request_log.counts.total() == before


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(BadRequest):
        normalise_call(method, "www.googleapis.com", b"calendar/v3/x", "")


@given(st.binary(max_size=60), st.text(max_size=20))
def test_whatever_is_allowed_is_below_an_allowed_prefix_for_every_reader(path: bytes, query: str) -> None:
    try:
        call = normalise_call("GET", "www.googleapis.com", b"calendar/v3/" + path, query)
        check_allowed(call, RULES)
    except BadRequest:
        return
    assert call.path.startswith("/calendar/v3/")
    assert not {".", "..", ""} & set(call.path[1:].split("/"))
    assert call.path.isascii() and not set(call.path) & set("\\?#\r\n\0 ")
    assert not set(call.query) & set("#\r\n\0 ")


def test_calendar_names_keep_their_signs() -> None:
    path = b"calendar/v3/calendars/en.japanese%23holiday%40group.v.calendar.google.com/events"
    call = normalise_call("GET", "www.googleapis.com", path, "q=a+b%26c")
    assert call.path.endswith("/en.japanese%23holiday@group.v.calendar.google.com/events")
    assert call.query == "q=a+b%26c"


@pytest.mark.parametrize(
    ("method", "path", "granted", "needed"),
    [
        ("GET", b"calendar/v3/calendars/primary/events/x", {WHOLE_CALENDAR}, {"calendar.events.readonly"}),
        ("DELETE", b"calendar/v3/calendars/primary/events/x", {WHOLE_CALENDAR}, {"calendar.events"}),
        ("GET", b"calendar/v3/users/me/settings", {WHOLE_CALENDAR}, {"calendar.readonly"}),
        ("POST", b"calendar/v3/calendars", {WHOLE_CALENDAR}, {WHOLE_CALENDAR}),
        ("GET", b"drive/v3/files", {"drive", WHOLE_CALENDAR}, {"drive"}),
        ("POST", b"upload/drive/v3/files", {"drive.appdata", WHOLE_CALENDAR}, {"drive.appdata"}),
        ("GET", b"sheets/v4/x", {"drive", WHOLE_CALENDAR}, {"drive", WHOLE_CALENDAR}),
    ],
)
def test_what_a_narrow_key_needs(method: str, path: bytes, granted: set[str], needed: set[str]) -> None:
    assert needed_scopes(normalise_call(method, "www.googleapis.com", path, ""), granted) == needed


@pytest.mark.parametrize(
    "rule",
    [
        "GET",
        "GET evil.example/x",
        "GET oauth2.googleapis.com/x",
        "FETCH www.googleapis.com/x",
        "GET www.googleapis.com/",
    ],
)
def test_a_rule_that_would_open_more_than_googles_apis_stops_the_start(rule: str) -> None:
    with pytest.raises(OperatorMustAct):
        parse_rules([rule])


async def _raw(api: TokenApi, target: str, authorization: str) -> int:
    """The status for a request whose target is exactly `target`."""
    path, _, query = target.partition("?")
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"catflap.test"), (b"authorization", authorization.encode())],
        "server": ("catflap.test", 80),
        "client": ("127.0.0.1", 1),
    }
    await api.app(scope, receive, send)
    return statuses[0]
