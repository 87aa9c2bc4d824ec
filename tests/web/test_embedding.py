"""Catflap inside somebody else's application, and its pieces on their own: the examples, run."""

import asyncio
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI

import catflap
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from google_sandbox import Sandbox
from tests.support.app_client import ALICE, CLIENT_ID, CLIENT_SECRET, RunningApp

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def host(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[tuple[FastAPI, str]]:
    """The example application, served; its Google is that of `app`."""
    listener = bind("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{port_of(listener)}"
    client = app.sandbox.state.clients[CLIENT_ID]
    client.redirect_uris.append(f"{origin}/auth/signin/google/callback")
    client.origins.append(origin)
    settings = app.catflap.services.settings
    assert settings.database_url and settings.vault_database_url
    environment = {
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "CATFLAP_PORT": str(port_of(listener)),
        "CATFLAP_DATA_DIR": str(tmp_path),
        "CATFLAP_DATABASE_URL": settings.database_url.get_secret_value(),
        "CATFLAP_VAULT_DATABASE_URL": settings.vault_database_url.get_secret_value(),
        "CATFLAP_GOOGLE_DISCOVERY_URL": settings.google_discovery_url,
        "CATFLAP_GOOGLE_API_URL": settings.google_api_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # The sandbox's clock stands still, so the example's must too.
    monkeypatch.setattr("catflap.components.SystemClock", lambda: app.clock)
    monkeypatch.syspath_prepend(EXAMPLES)
    module = importlib.reload(importlib.import_module("fastapi_app"))
    async with module.app.router.lifespan_context(module.app), serving(module.app, listener):
        yield module.app, origin
    listener.close()


async def test_the_example_signs_people_in_and_calls_google_for_them(
    host: tuple[FastAPI, str], app: RunningApp
) -> None:
    _, origin = host
    guest = replace(app, origin=origin, declared=False)
    browser = await guest.browser()
    assert (await browser.get("/hello")).status_code == 401
    answer = await browser.sign_in("/auth/signin/google?scopes=calendar&next=/hello")
    assert answer.headers["Location"] == "/hello"
    assert (await browser.get("/hello")).json()["email"] == ALICE
    assert (await browser.get("/token-works")).json() == {"works": True}


async def test_the_example_inserts_an_event_once(host: tuple[FastAPI, str], app: RunningApp) -> None:
    _, origin = host
    browser = await replace(app, origin=origin, declared=False).browser()
    await browser.sign_in("/auth/signin/google?scopes=calendar.events&next=/hello")
    browser.csrf = (await browser.get("/auth/v1/me")).json()["csrf_token"]
    answers = [await browser.send("POST", f"/dentist/{UUID(int=1)}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert [one["summary"] for one in app.sandbox.events(ALICE)] == ["Dentist"]
    assert answers[0].json() == answers[1].json() and answers[0].json()["link"].startswith("https://")


async def test_events_are_not_written_before_the_start() -> None:
    with pytest.raises(catflap.OperatorMustAct, match="not_started"):
        _ = catflap.Catflap().events


async def test_the_exchange_alone_gives_tokens_and_profile_and_stores_nothing(app: RunningApp) -> None:
    exchange = catflap.CodeExchange(
        CLIENT_ID,
        CLIENT_SECRET,
        discovery_url=app.catflap.services.settings.google_discovery_url,
        clock=app.clock,
    )
    async with exchange:
        exchanged = [await exchange(app.native_code()) for _ in range(2)]
    assert exchanged[0].profile.email == ALICE
    assert exchanged[0].refresh_token and "calendar.events.readonly" in exchanged[0].scopes
    assert exchanged[0].access_token not in repr(exchanged[0])
    assert app.google_was_asked("oauth.jwks") == 1
    assert (await app.stored())["app.users"] == 0


async def test_the_exchange_alone_refuses_what_the_server_refuses(app: RunningApp) -> None:
    url = app.catflap.services.settings.google_discovery_url
    exchange = catflap.CodeExchange(CLIENT_ID, CLIENT_SECRET, discovery_url=url, clock=app.clock)
    async with exchange:
        code = app.native_code()
        await exchange(code)
        with pytest.raises(catflap.BadRequest, match="code_rejected"):
            await exchange(code)
        with pytest.raises(catflap.Tampered):
            await exchange(app.native_code(nonce="another"), nonce="ours")
        with pytest.raises(catflap.BadRequest, match="id_token_missing"):
            await exchange(app.native_code(scopes=["drive.appdata"]))


async def test_the_native_example_signs_in_against_a_running_catflap(app: RunningApp) -> None:
    arguments = [sys.executable, str(EXAMPLES / "native_client.py"), app.origin, app.native_code()]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert f"signed in: {ALICE}" in out.decode() and "['active']" in out.decode()


async def test_the_example_of_the_exchange_alone_runs() -> None:
    sandbox = Sandbox()
    sandbox.add_client(CLIENT_ID, CLIENT_SECRET)
    sandbox.add_account(ALICE)
    async with sandbox.serve() as google:
        code = sandbox.mint_code(ALICE, CLIENT_ID, ["openid", "email", "profile"])
        environment = {
            **os.environ,
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "CATFLAP_GOOGLE_DISCOVERY_URL": f"{google}/.well-known/openid-configuration",
        }
        arguments = [sys.executable, str(EXAMPLES / "exchange_code.py"), code]
        process = await asyncio.create_subprocess_exec(*arguments, env=environment, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    assert out.decode().startswith(ALICE) and "keep this one: a refresh token" in out.decode()


def test_importing_catflap_pulls_in_nothing_heavy() -> None:
    probe = "import sys, catflap; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    heavy = {
        "fastapi",
        "sqlalchemy",
        "pydantic",
        "httpx2",
        "tink",
        "numpy",
        "starlette",
        "catflap.components",
    }
    assert not heavy & set(done.stdout.split())


def test_every_public_name_can_be_had_is_documented_and_known_to_type_checkers() -> None:
    source = Path(catflap.__file__).read_text()
    typed = re.findall(r"^    from (\S+) import (\w+) as \2$", source, re.MULTILINE)
    assert sorted(name for _, name in typed) == catflap.__all__
    for module, name in typed:
        found = getattr(catflap, name)
        assert found is getattr(importlib.import_module(module), name)
        assert isinstance(found, str) or inspect.getdoc(found), name
        assert name in dir(catflap)
    with pytest.raises(AttributeError):
        _ = catflap.no_such_name
