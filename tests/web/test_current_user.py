"""`current_user` and `optional_user` in routes of a host application."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

import catflap
from catflap.fastapi import Catflap
from tests.support.app_client import RunningApp
from tests.support.host import embedded


def build(ours: Catflap) -> FastAPI:
    app = FastAPI(lifespan=ours.lifespan)
    app.include_router(ours.auth_router())
    app.include_router(ours.me_router())

    @app.exception_handler(HTTPException)
    async def answer(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"host": error.detail}, error.status_code, error.headers)

    @app.api_route("/hello", methods=["GET", "POST"])
    async def hello(user: catflap.CurrentUser) -> str | None:
        return user.email

    @app.get("/perhaps")
    async def perhaps(user: Annotated[catflap.User | None, Depends(catflap.optional_user)]) -> str | None:
        return user.email if user else None

    @app.get("/token")
    async def token(user: catflap.CurrentUser, scopes: str, many: bool = False) -> bool:
        return bool(await user.access_token(scopes.split() if many else scopes))

    @app.get("/caught")
    async def caught(user: catflap.CurrentUser) -> str:
        try:
            return await user.access_token("drive")
        except catflap.UserMustAct as error:
            return error.code

    @app.post("/form")
    async def form(request: Request, user: catflap.CurrentUser) -> str:
        return (await request.body()).decode()

    return app


@pytest.fixture
async def guest(app: RunningApp, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with embedded(app, tmp_path, build) as (opened, _):
        yield opened


async def test_nobody_is_401_in_the_hosts_own_words_or_none(guest: RunningApp) -> None:
    refused = await guest.client.get(f"{guest.origin}/hello")
    assert refused.status_code == 401
    assert refused.json() == {"host": {"code": "unauthenticated", "message": "Sign in first."}}
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "Content-Security-Policy" not in refused.headers
    assert (await guest.client.get(f"{guest.origin}/perhaps")).json() is None


async def test_cookies_and_bearers_count_and_unsafe_requests_need_the_csrf_token(guest: RunningApp) -> None:
    browser = await guest.browser()
    await browser.sign_in()
    assert (await browser.get("/hello")).json() == browser.email
    assert (await browser.get("/perhaps")).json() == browser.email
    refused = await browser.http.post(f"{guest.origin}/hello")
    assert (refused.status_code, refused.json()["host"]["code"]) == (403, "csrf")
    assert (await browser.send("POST", "/hello")).json() == browser.email
    bearer = await guest.bearer_of((await browser.me())["user_id"])
    assert (await guest.client.get(f"{guest.origin}/hello", headers=bearer)).json() == browser.email
    both = await browser.http.get(f"{guest.origin}/perhaps", headers=bearer)
    assert (both.status_code, both.json()["host"]["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize("scopes", ["calendar.events.readonly", "calendar.events.readonly openid", ""])
@pytest.mark.parametrize("many", [False, True])
async def test_scopes_are_a_string_or_a_collection(guest: RunningApp, scopes: str, many: bool) -> None:
    browser = await guest.browser()
    await browser.sign_in()
    answer = await browser.get(f"/token?scopes={scopes}&many={many}")
    assert answer.json() is True


async def test_a_form_with_the_csrf_token_can_be_read_by_the_route(guest: RunningApp) -> None:
    browser = await guest.browser()
    await browser.sign_in()
    body = f"csrf_token={browser.csrf}&theirs=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.http.post(f"{guest.origin}/form", content=body, headers=headers)
    assert answer.json() == body
    refused = await browser.http.post(f"{guest.origin}/form", content="csrf_token=no", headers=headers)
    assert refused.status_code == 403


async def test_an_error_that_the_route_does_not_catch_is_answered_by_the_host(guest: RunningApp) -> None:
    browser = await guest.browser()
    await browser.sign_in()
    for many in (False, True):
        missing = await browser.get(f"/token?scopes=drive&many={many}")
        assert (missing.status_code, missing.json()["host"]["code"]) == (403, "scope_missing")
    assert (await browser.get("/caught")).json() == "scope_missing"
    unknown = await browser.get("/token?scopes=bad%22scope")
    assert (unknown.status_code, unknown.json()["host"]["code"]) == (400, "invalid_request")


async def test_added_to_a_router_of_ours_it_is_answered_as_a_problem(app: RunningApp, tmp_path: Path) -> None:
    def guarded(ours: Catflap) -> FastAPI:
        host_app = FastAPI(lifespan=ours.lifespan)
        host_app.include_router(ours.auth_router())
        host_app.include_router(ours.token_router(), dependencies=[Depends(catflap.current_user)])
        return host_app

    async with embedded(app, tmp_path, guarded) as (guest, _):
        refused = await guest.client.get(f"{guest.origin}/v1/keys")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
