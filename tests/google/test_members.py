"""Each member of Google's responses has its documented type, or the response is not used."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey

from catflap.clock import FixedClock
from catflap.errors import CatflapError, TryAgain
from catflap.google.calendar import CalendarApi
from catflap.google.jwks import JwksCache
from catflap.google.oauth import InvalidGrant
from catflap.google.risc import RiscConfiguration
from tests.support.canned_answers import answer, answering
from tests.support.canned_oauth import CODE, TOKENS, oauth
from tests.support.http import http_client

HUGE = "x" * 100_000
NONSENSE = [5, -1, 1.5, True, [], ["a"], {}, {"a": 1}, "a\0b", "\ud800", HUGE]
MALFORMED = [
    *(("access_token", value) for value in [*NONSENSE, None, "two words", "ünïcode", "line\nbreak"]),
    *(("refresh_token", value) for value in [*NONSENSE, "two words"]),
    *(("id_token", value) for value in [*NONSENSE, 7]),
    *(("scope", value) for value in [5, True, ["a"], {"a": "b"}, "a\0b", "\ud800", "ü", HUGE]),
    *(("token_type", value) for value in [5, ["Bearer"], "mac", "Bearer\0"]),
    *(
        ("expires_in", value)
        for value in [
            1e12, -5, 0, 10**400, float("nan"), float("inf"), -float("inf"), True, None, [], {},
            "", "soon", "-5", "1e12", "3599s", "NaN", "９", "9" * 5000,
        ]
    ),
    *(
        ("refresh_token_expires_in", value)
        for value in [-1, 0, 1e12, float("nan"), float("inf"), True, [], "soon", "-5"]
    ),
]  # fmt: skip


def raw(**members: Any) -> httpx2.Response:
    """A token answer, with members as Python's JSON writes them, NaN and lone surrogates included."""
    return httpx2.Response(200, content=json.dumps({**TOKENS, **members}).encode())


@pytest.mark.parametrize(("name", "value"), MALFORMED, ids=lambda value: repr(value)[:20])
async def test_a_malformed_member_of_a_token_answer_is_google_being_away(name: str, value: Any) -> None:
    for client in (oauth(raw(**{name: value}))[0], oauth(raw(**{name: value}))[0]):
        with pytest.raises(TryAgain) as caught:
            await client.exchange(CODE, redirect_uri="")
        assert caught.value.code == "google_unavailable"
    client, _ = oauth(raw(**{name: value}))
    with pytest.raises(TryAgain):
        await client.refresh("1//a")
    assert caught.value.detail and name in caught.value.detail


@pytest.mark.parametrize(
    ("members", "expires_in", "grant_lives"),
    [
        ({"refresh_token_expires_in": "604799"}, 3599, 604_799),
        ({"refresh_token_expires_in": 604799.0}, 3599, 604_799),
        ({"expires_in": "3599", "refresh_token_expires_in": None}, 3599, None),
        ({"expires_in": 1}, 1, None),
    ],
)
async def test_a_number_in_a_text_is_its_number(
    members: dict[str, Any], expires_in: int, grant_lives: int | None
) -> None:
    client, _ = oauth(raw(**members))
    tokens = await client.exchange(CODE, redirect_uri="")
    assert (tokens.expires_in, tokens.refresh_token_expires_in) == (expires_in, grant_lives)


async def test_what_may_be_left_out_may_be_null() -> None:
    client, _ = oauth(raw(scope=None, refresh_token=None, id_token=None, token_type=None))
    tokens = await client.refresh("1//a")
    assert (tokens.scopes, tokens.refresh_token, tokens.id_token) == (frozenset(), None, None)


@pytest.mark.parametrize("subtype", [5, ["a"], "a\0b", "\ud800", HUGE, "two words", None])
async def test_a_malformed_subtype_is_no_reason(subtype: Any) -> None:
    body = json.dumps({"error": "invalid_grant", "error_subtype": subtype})
    client, _ = oauth(httpx2.Response(400, content=body.encode()))
    with pytest.raises(InvalidGrant) as caught:
        await client.refresh("1//a")
    assert caught.value.detail is None


@pytest.mark.parametrize("error", [5, None, ["invalid_grant"], {"code": "invalid_grant"}, "invalid_grant\0"])
async def test_a_malformed_error_is_never_fatal(error: Any) -> None:
    client, _ = oauth(httpx2.Response(400, json={"error": error}))
    with pytest.raises(TryAgain):
        await client.refresh("1//a")


@pytest.mark.parametrize("status", [200, 302, 500, 503])
async def test_only_invalid_grant_ends_a_grant(status: int) -> None:
    client, _ = oauth(httpx2.Response(status, json={"error": "invalid_grant"}))
    with pytest.raises(TryAgain):
        await client.refresh("1//a")


KEY: dict[str, Any] = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "good"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": [5, "x", None]},
        {"keys": [{"kty": "RSA"}]},
        {"keys": [{**KEY, "kid": 5}]},
        {"keys": [{**KEY, "kty": ["RSA"]}]},
        {"keys": [{**KEY, "n": 5}]},
    ],
)
async def test_a_key_set_without_a_key_is_the_issuer_being_away(document: Any, clock: FixedClock) -> None:
    with pytest.raises(TryAgain):
        await _keys(httpx2.Response(200, json=document), clock).find("good")


@pytest.mark.parametrize(
    "broken", [5, None, {}, {"kty": {}}, {**KEY, "kid": "bad", "n": "\0"}, {**KEY, "kid": []}]
)
async def test_one_malformed_key_does_not_spoil_the_others(broken: Any, clock: FixedClock) -> None:
    keys = _keys(httpx2.Response(200, json={"keys": [broken, KEY]}), clock)
    assert await keys.find("good") is not None
    clock.advance(timedelta(minutes=2))
    assert await keys.find("bad") is None


@pytest.mark.parametrize("name", ["issuer", "jwks_uri"])
@pytest.mark.parametrize("value", [None, 5, [], "", "https://a.example/\0", HUGE])
async def test_a_malformed_risc_configuration_is_google_being_away(name: str, value: Any) -> None:
    document = {"issuer": "https://a.example/", "jwks_uri": "https://a.example/keys", name: value}
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=document)))
    with pytest.raises(TryAgain):
        await RiscConfiguration(http, "https://a.example/risc").issuer()


GOOD = {"id": "good", "summary": "Good"}


@pytest.mark.parametrize(
    "broken",
    [
        None, 5, "x", [], {}, {"id": 5}, {"id": "a\0b"}, {"id": "\ud800"}, {"id": HUGE}, {"id": None},
        {"id": "bad", "timeZone": 5}, {"id": "bad", "timeZone": "\0"},
    ],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
async def test_one_malformed_calendar_is_skipped_and_the_list_is_not_complete(broken: Any) -> None:
    async with (
        answering(answer(200, {"items": [broken, GOOD]})) as google,
        http_client() as http,
    ):
        listed = await CalendarApi(http, google.url).list_calendars("ya29.a")
    assert [one.id for one in listed.entries] == ["good"] and not listed.complete


@pytest.mark.parametrize(
    "broken",
    [
        None, 5, "x", [], {}, {"id": 5}, {"id": "a\0b"}, {"id": "\ud800"}, {"id": HUGE},
        {"id": "bad", "iCalUID": 5}, {"id": "bad", "recurringEventId": ["a"]},
    ],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
async def test_one_malformed_event_is_skipped_and_named_by_its_id_alone(
    broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    if isinstance(broken, dict):
        broken |= {"summary": "canary title"}
    async with (
        answering(answer(200, {"items": [broken, GOOD]})) as google,
        http_client() as http,
    ):
        page = await CalendarApi(http, google.url).list_events("ya29.a", "primary")
    assert [one["id"] for one in page.items] == ["good"]
    said = "".join(capsys.readouterr())
    assert "google_item_skipped" in said and "canary" not in said and len(said) < 500


@pytest.mark.parametrize("summary", [5, None, [], {"a": 1}, "", "\0", HUGE, float("nan")])
async def test_a_malformed_name_is_no_reason_to_lose_a_calendar(summary: Any) -> None:
    items = {"items": [{"id": "good", "summary": summary}]}
    async with answering(answer(200, items)) as google, http_client() as http:
        (entry,) = (await CalendarApi(http, google.url).list_calendars("ya29.a")).entries
    assert len(entry.summary) <= 1024 and "\0" not in entry.summary


@pytest.mark.parametrize("name", ["nextPageToken", "nextSyncToken"])
@pytest.mark.parametrize("value", [5, True, [], {}, "a\0b", "\ud800", HUGE, float("nan")])
async def test_a_malformed_token_of_a_list_is_google_being_away(name: str, value: Any) -> None:
    async with (
        answering(answer(200, {"items": [GOOD], name: value})) as google,
        http_client() as http,
    ):
        with pytest.raises(CatflapError) as caught:
            await CalendarApi(http, google.url).list_events("ya29.a", "primary")
    assert caught.value.code == "google_unavailable"


@pytest.mark.parametrize(
    "error", [5, None, [], "x", {"errors": 5}, {"errors": [5, {"reason": 5}]}, {"details": {}}]
)
async def test_a_malformed_error_of_the_calendar_api_is_taken_by_its_status(error: Any) -> None:
    async with (
        answering(answer(503, {"error": error})) as google,
        http_client() as http,
    ):
        with pytest.raises(TryAgain):
            await CalendarApi(http, google.url).list_events("ya29.a", "primary")


def _keys(response: httpx2.Response, clock: FixedClock) -> JwksCache:
    async def uri() -> str:
        return "https://a.example/keys"

    return JwksCache(httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: response)), uri, clock)
