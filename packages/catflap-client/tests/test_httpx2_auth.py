"""GoogleAuth against a scripted Catflap and Google."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from catflap_client import BadRequest, CatflapError, GoogleAuth, TryAgain, UserMustAct

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CATFLAP, GOOGLE = "https://catflap.example.com", "https://www.googleapis.com/calendar/v3/colors"


class Servers:
    """Catflap and Google behind one transport: numbered tokens that live an hour, and what was asked."""

    def __init__(self, *, google: Iterator[int] = iter(()), problem: httpx2.Response | None = None) -> None:
        self.google, self.problem = google, problem
        self.asked: list[httpx2.Request] = []
        self.authorization: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "www.googleapis.com":
            self.authorization.append(request.headers["Authorization"])
            return httpx2.Response(next(self.google, 200))
        self.asked.append(request)
        token = {
            "access_token": f"token-{len(self.asked)}",
            "expires_at": (NOON + timedelta(hours=1)).isoformat(),
        }
        return self.problem or httpx2.Response(200, json=token)


def _client(servers: Servers, now: datetime = NOON) -> httpx2.Client:
    auth = GoogleAuth(17, url=f"{CATFLAP}/", api_key="key", account="sub", scopes=["a", "b"], now=lambda: now)
    return httpx2.Client(auth=auth, transport=httpx2.MockTransport(servers))


def test_one_token_serves_until_it_expires() -> None:
    servers = Servers()
    with _client(servers) as http:
        assert [http.get(GOOGLE).status_code for _ in range(2)] == [200, 200]
    (asked,) = servers.asked
    assert asked.url.copy_with(query=None) == f"{CATFLAP}/v1/users/17/google/token"
    assert dict(asked.url.params) == {"scopes": "a b", "account": "sub"}
    assert asked.headers["Authorization"] == "Bearer key"
    assert servers.authorization == ["Bearer token-1"] * 2


def test_an_expired_token_is_replaced_before_google_is_asked() -> None:
    servers = Servers()
    with _client(servers, now=NOON + timedelta(hours=1)) as http:
        http.get(GOOGLE)
        http.get(GOOGLE)
    assert servers.authorization == ["Bearer token-1", "Bearer token-2"]


def test_a_rejected_token_is_named_by_its_hash_and_the_request_repeated_once() -> None:
    servers = Servers(google=iter([401, 401]))
    with _client(servers) as http:
        assert http.get(GOOGLE).status_code == 401
    assert servers.authorization == ["Bearer token-1", "Bearer token-2"]
    assert servers.asked[1].url.params["rejected"] == hashlib.sha256(b"token-1").hexdigest()


async def test_an_async_client_works_alike() -> None:
    servers = Servers(google=iter([401]))
    auth = GoogleAuth(17, url=CATFLAP, api_key="key", now=lambda: NOON)
    async with httpx2.AsyncClient(auth=auth, transport=httpx2.MockTransport(servers)) as http:
        assert (await http.get(GOOGLE)).status_code == 200
    assert servers.authorization == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "reconsent_required", UserMustAct),
        (403, "scope_missing", UserMustAct),
        (429, "too_many", TryAgain),
        (503, "google_unavailable", TryAgain),
        (404, "not_found", BadRequest),
    ],
)
def test_a_problem_of_the_api_is_raised_with_its_code(
    status: int, code: str, kind: type[CatflapError]
) -> None:
    servers = Servers(problem=httpx2.Response(status, json={"code": code, "detail": "Why."}))
    with _client(servers) as http, pytest.raises(kind) as caught:
        http.get(GOOGLE)
    assert (caught.value.code, caught.value.message) == (code, "Why.")
    assert not servers.authorization


def test_an_answer_that_is_not_of_the_api_may_be_tried_again() -> None:
    servers = Servers(problem=httpx2.Response(502, text="<html>"))
    with _client(servers) as http, pytest.raises(TryAgain, match="HTTP 502"):
        http.get(GOOGLE)
