"""Handlers called without FastAPI's solver answer every request as with it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.routing import APIRoute

from catflap.fastapi import Catflap
from catflap.vault.audit import Entry
from catflap.web import problem_route, routers
from catflap.web.input_types import PathId
from catflap.web.plain_call import PlainCall
from catflap.web.problem_route import ProblemRoute
from tests.support.app_client import RunningApp, raw
from tests.support.host import embedded
from tests.support.statements import recorded_statements

TOKEN = "/v1/users/{user}/google/token"
PROXY = "/v1/users/{user}/google/www.googleapis.com/calendar/v3/calendars/primary"
NOT_REPEATABLE = {"date", "content-security-policy"}
LARGE = 70_000


@dataclass(frozen=True)
class Answered:
    """What a request led to."""

    status: int
    headers: dict[str, str]
    body: bytes
    entries: list[Entry]


async def answered(app: RunningApp, request: bytes) -> Answered:
    audit = app.catflap.services.audit
    await audit.write()
    before = len(await audit.read())
    status, headers, body = await raw(app, request)
    await audit.write()
    kept = {name: value for name, value in headers.items() if name not in NOT_REPEATABLE}
    entries = await audit.read()
    return Answered(status, kept, body, entries[: len(entries) - before])


@contextlib.contextmanager
def only_fastapi(app: RunningApp) -> Iterator[None]:
    """Let FastAPI call every handler while the context is open."""
    with pytest.MonkeyPatch.context() as patch:
        for route in app.catflap.web.routes:
            if isinstance(route, ProblemRoute):
                patch.setattr(route, "_plain", None)
        yield


async def assert_same(app: RunningApp, line: str, *headers: str, body: bytes = b"") -> Answered:
    head = [f"{line} HTTP/1.1", f"Host: {app.netloc}", "Connection: close", *headers]
    request = "\r\n".join([*head, "", ""]).encode() + body
    plainly = await answered(app, request)
    with only_fastapi(app):
        assert await answered(app, request) == plainly, request
    return plainly


@pytest.fixture
async def user(app: RunningApp) -> AsyncIterator[int]:
    browser = await app.browser()
    await browser.sign_in()
    yield int((await browser.me())["user_id"])


def authorization(key: dict[str, str]) -> str:
    return f"Authorization: {key['Authorization']}"


USERS = ["1", "01", "+1", "0", "-1", "1.0", "x", "999", str(2**63 - 1), str(2**63), "1%00", "%E2%91%A0", "1/"]
QUERIES = [
    "scopes=",
    "scopes=calendar",
    "scopes=calendar&scopes=drive.file",
    "scopes=drive.file&scopes=calendar",
    "scopes=%00",
    "scopes=%ED%A0%80",
    "scopes=%22",
    "scopes=drive.file,openid",
    f"scopes={'x' * 4096}",
    f"scopes={'x' * 4097}",
    "scopes[]=calendar",
    "Scopes=drive.file",
    "account=",
    "account=nobody",
    "account=%00",
    "account=a%20b",
    f"account={'1' * 256}",
    "min_ttl=0",
    "min_ttl=3000",
    "min_ttl=3001",
    "min_ttl=-1",
    "min_ttl=1.0",
    "min_ttl=1.5",
    "min_ttl=",
    "min_ttl=+1",
    "min_ttl=1&min_ttl=x",
    "min_ttl=x&min_ttl=1",
    "rejected=",
    "rejected=abc",
    f"rejected={'0' * 64}",
    f"rejected={'A' * 64}",
    "unknown=1",
    "&&=;&a",
    "%",
    "scopes=%zz",
]


@pytest.mark.slow
async def test_every_value_is_answered_as_by_fastapi(app: RunningApp, user: int) -> None:
    key = authorization(await app.api_key("tokens", "proxy"))
    ok = await assert_same(app, f"GET {TOKEN.format(user=user)}", key)
    assert ok.status == 200 and [one.outcome for one in ok.entries] == ["ok"]
    for one in USERS:
        await assert_same(app, f"GET {TOKEN.format(user=one)}", key)
        await assert_same(app, f"GET {PROXY.format(user=one)}", key)
    statuses = set()
    for query in QUERIES:
        found = await assert_same(app, f"GET {TOKEN.format(user=user)}?{query}", key)
        statuses.add(found.status)
    assert statuses == {200, 400, 403, 404}


@pytest.mark.slow
async def test_every_key_and_header_is_answered_as_by_fastapi(app: RunningApp, user: int) -> None:
    keys = app.catflap.services.api_keys
    key = authorization(await app.api_key("tokens"))
    ended, secret = await keys.create("ended", ["tokens"])
    await keys.revoke(ended.id)
    headers = [
        [],
        [key],
        [key.replace("Bearer", "bEARER")],
        [key + " "],
        [key + "x"],
        [key, key],
        ["Authorization: Bearer"],
        ["Authorization: Basic YTpi"],
        ["Authorization: Bearer \xff"],
        [f"Authorization: Bearer {secret}"],
        [authorization(await app.api_key("users"))],
        [authorization(await app.api_key("tokens", user_ids=[user + 1]))],
        [authorization(await app.api_key("tokens", scopes=["openid"]))],
        [authorization(await app.api_key("tokens", expires_at=app.clock.now() - timedelta(seconds=1)))],
        [key, "Cookie: catflap_session=made-up"],
        [key, f"Origin: {app.origin}"],
        [key, "Origin: https://elsewhere.example"],
        [key, "Expect: 100-continue", "Content-Length: 0"],
    ]
    for sent, query in product(headers, ("", "?min_ttl=x", "?scopes=drive.file")):
        await assert_same(app, f"GET {TOKEN.format(user=user)}{query}", *sent)


@pytest.mark.slow
async def test_every_method_and_body_is_answered_as_by_fastapi(app: RunningApp, user: int) -> None:
    key = authorization(await app.api_key("tokens", "proxy"))
    preflight = [f"Origin: {app.origin}", "Access-Control-Request-Method: GET"]
    for path, method in product((TOKEN, PROXY), ("HEAD", "OPTIONS", "POST", "PUT", "DELETE", "MADE-UP")):
        await assert_same(app, f"{method} {path.format(user=user)}", key)
        await assert_same(app, f"{method} {path.format(user=user)}", *preflight)
    chunked = f"{LARGE:x}\r\n".encode() + b"x" * LARGE + b"\r\n0\r\n\r\n"
    for path in (TOKEN, PROXY):
        line = f"GET {path.format(user=user)}"
        await assert_same(app, line, key, "Content-Length: 2", body=b"{}")
        await assert_same(app, line, key, f"Content-Length: {LARGE}", body=b"x" * LARGE)
        await assert_same(app, line, key, "Transfer-Encoding: chunked", body=chunked)


async def test_the_rate_limit_counts_each_request_once(app: RunningApp, user: int) -> None:
    for way in (contextlib.nullcontext(), only_fastapi(app)):
        key = await app.api_key("tokens", per_minute=24)
        with way:
            answers = [await app.client.get(TOKEN.format(user=user), headers=key) for _ in range(4)]
        assert [one.status_code for one in answers][:2] == [200, 200]
        assert answers[3].status_code == 429 and "Retry-After" in answers[3].headers


async def test_a_warm_token_takes_one_statement(app: RunningApp, user: int) -> None:
    key = await app.api_key("tokens")
    first = await app.client.get(TOKEN.format(user=user), headers=key)
    with recorded_statements() as sent:
        again = await app.client.get(TOKEN.format(user=user), headers=key)
    assert again.json() == first.json()
    # What is written meanwhile is the batches of the audit log and the notes of use.
    read = [one.sql for one in sent if one.sql.startswith("SELECT")]
    assert len(read) == 1 and read[0].endswith("WHERE vault.google_tokens.user_id = $1::BIGINT")


async def test_the_requests_that_are_asked_most_are_plain() -> None:
    plain = {
        one.path for one in routers.token_router().routes if isinstance(one, ProblemRoute) and one._plain
    }
    assert plain == {TOKEN.replace("{user}", "{user_id}"), "/v1/users/{user_id}/google/{host}/{path:path}"}


async def test_dependencies_of_a_host_application_are_kept(
    app: RunningApp, tmp_path: Path, user: int
) -> None:
    async def refuse() -> None:
        raise HTTPException(418)

    def build(catflap: Catflap) -> FastAPI:
        host = FastAPI(lifespan=catflap.lifespan)
        host.include_router(catflap.auth_router())
        host.include_router(catflap.token_router(), prefix="/api", dependencies=[Depends(refuse)])
        return host

    key = await app.api_key("tokens")
    async with embedded(app, tmp_path, build) as (hosted, _):
        answer = await hosted.client.get(f"{hosted.origin}/api{TOKEN.format(user=user)}", headers=key)
    assert answer.status_code == 418


async def wants_body(body: dict[str, Any]) -> Response:
    return Response()


async def wants_model() -> dict[str, str]:
    return {}


def in_a_thread() -> Response:
    return Response()


async def wants_list(words: Annotated[list[str], Query()]) -> Response:
    return Response()


async def wants_response(response: Response) -> Response:
    return response


async def yields() -> AsyncIterator[int]:
    yield 1


async def wants_generator(one: Annotated[int, Depends(yields)]) -> Response:
    return Response()


async def wants_fresh(one: Annotated[None, Depends(wants_model, use_cache=False)]) -> Response:
    return Response()


@pytest.mark.parametrize(
    "endpoint",
    [wants_body, wants_model, in_a_thread, wants_list, wants_response, wants_generator, wants_fresh],
)
def test_other_handlers_are_left_to_fastapi(endpoint: Any) -> None:
    assert PlainCall.of(APIRoute("/", endpoint).dependant) is None


async def plain(user_id: PathId, needed: int, request: Request, optional: int | None = None) -> Response:
    return Response()


async def test_a_missing_or_invalid_value_is_left_to_fastapi() -> None:
    call = PlainCall.of(APIRoute("/{user_id}", plain).dependant)
    assert call is not None and call.may_read_body

    async def answer(user_id: str, query: bytes) -> Response | None:
        scope = {"type": "http", "path_params": {"user_id": user_id}, "query_string": query}
        return await call.answer(Request(scope))

    assert await answer("1", b"needed=1&optional=2") is not None
    for bad in (("1", b""), ("1", b"optional=2"), ("1", b"needed=x"), ("01", b"needed=1")):
        assert await answer(*bad) is None


def test_handlers_that_read_a_limited_body_are_left_to_fastapi() -> None:
    for limit, is_plain in ((None, True), (10, False)):
        router = problem_route.new_router(max_body_size=limit)
        router.get("/{user_id}")(plain)
        (route,) = router.routes
        assert isinstance(route, ProblemRoute) and (route._plain is not None) == is_plain
