"""Generated requests to every route, with every kind of credential, are never answered with a 5xx of ours.

Schemathesis makes the requests, from the OpenAPI document and from what the document leaves out; `-s` shows
its summaries. CATFLAP_STRANGERS=500 sends that many to each operation instead of a few.
"""

import asyncio
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from catflap.web.routes.pages import OPERATOR, SCREENS
from tests.support.app_client import RunningApp
from tests.support.openapi import operations

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("CATFLAP_STRANGERS", "3"))
# What ends the identity that asks comes last.
ENDING = ("/signout", "/v1/me", "/v1/sessions", "/v1/sessions/{session_id}")
HOOKS = Path(__file__).parent / "strangers_hooks.py"
TEXT = {"type": "string"}
# Routes that the document leaves out.
HIDDEN: dict[str, dict[str, Any]] = {
    "/": {"get": {"parameters": ["error", "lang"]}, "head": {}},
    **{
        f"/{name}": {"get": {"parameters": ["error", "lang"]}, "head": {}}
        for name in (*SCREENS[1:], OPERATOR)
    },
    "/signin/window": {"get": {"parameters": ["error", "lang"]}, "head": {}},
    "/consents/{secret}/": {"get": {}},
    "/v1/sounds/{name}/": {"get": {}},
    "/v1/pairings/{handle}/": {"get": {}},
    "/offline": {"get": {"parameters": ["lang"]}, "head": {}},
    "/manifest.webmanifest": {"get": {}, "head": {}},
    "/service-worker.js": {"get": {}, "head": {}},
    "/favicon.ico": {"get": {}, "head": {}},
    "/static/popup.js": {"get": {}, "head": {}},
    "/static/gapi.js": {"get": {}, "head": {}},
    "/static/{name}": {"get": {}, "head": {}},
}


def document(app: RunningApp) -> dict[str, Any]:
    """The OpenAPI document, and beside it what is not in it."""
    whole: dict[str, Any] = json.loads(json.dumps(app.catflap.web.openapi()))
    # Who asks is chosen by the hooks.
    del whole["components"]["securitySchemes"]
    for _, _, found in operations(whole):
        found.pop("security", None)
    # Schemathesis can send no other text.
    content = whole["paths"]["/google/risc"]["post"]["requestBody"]["content"]
    content["text/plain"] = content.pop("application/secevent+jwt")
    for path, hidden in HIDDEN.items():
        for method, told in hidden.items():
            whole["paths"].setdefault(path, {})[method] = operation(path, told)
    return whole


def operation(path: str, told: dict[str, Any]) -> dict[str, Any]:
    named = [(name, "path", True) for name in re.findall(r"{(\w+)}", path)]
    named += [(name, "query", False) for name in told.get("parameters", ())]
    made: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": place, "required": required, "schema": TEXT}
            for name, place, required in named
        ],
        "responses": {"default": {"description": "anything"}},
    }
    return made


def routes(app: RunningApp) -> Iterator[tuple[str, str]]:
    def inside(found: Any) -> Iterator[APIRoute]:
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            else:
                yield from inside(getattr(getattr(route, "original_router", None), "routes", ()))

    for route in inside(app.catflap.web.routes):
        path = re.sub(r":\w+}", "}", route.path)
        for method in route.methods:
            yield path, method.lower()


def test_no_route_is_forgotten(app: RunningApp) -> None:
    known = {(path, method) for path, found in document(app)["paths"].items() for method in found}
    found = set(routes(app))
    assert len(found) > 40
    assert found <= known


async def identities(app: RunningApp) -> dict[str, dict[str, str]]:
    browser = await app.browser()
    await browser.sign_in()
    user_id = (await browser.me())["user_id"]
    token = secrets.token_urlsafe(32)
    body = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "model": "test"}
    code = (await app.client.post("/v1/pairings", json=body)).json()["code"]
    assert (await browser.send("POST", "/v1/devices", json={"code": code})).status_code == 201
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    rights = ("tokens", "proxy", "users", "events", "announce", "keys", "metrics")
    return {
        "signed out": {},
        "a session": {"Cookie": cookie, "X-CSRF-Token": browser.csrf, **app.page_headers()},
        "a bearer": await app.bearer_of(user_id),
        "an API key": await app.api_key(*rights, per_minute=1_000_000),
        "a device": {"Authorization": f"Bearer {token}"},
    }


KEPT = [f"--exclude-path={path}" for path in ENDING]
BACK_ENDS = "path-regex=^/v1/(users|keys)"


@pytest.mark.parametrize(
    "which",
    [
        ["--exclude-method=DELETE", f"--include-{BACK_ENDS}"],
        ["--exclude-method=DELETE", f"--exclude-{BACK_ENDS}", *KEPT],
        ["--include-method=DELETE", *KEPT],
        [f"--include-path={path}" for path in ENDING],
    ],
    ids=["routes of back ends", "all others", "routes that delete", "routes that end the identity"],
)
async def test_no_stranger_gets_a_fault_of_ours(app: RunningApp, tmp_path: Path, which: list[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document(app)))
    (tmp_path / "identities.json").write_text(json.dumps(await identities(app)))
    # With a worker, which makes the examples of voices that are asked for.
    async with app.catflap.work(periodic=False):
        assert await schemathesis(file, app, *which) == 0


NUMBERS = [2**31, 2**63 - 1, 2**63, 2**64, 10**30, -1, 0]
BODIES = [
    b"",
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"{",
    b"{}",
    b"\xff\xfe",
    b'{"\xff": 1}',
    b'{"code": "\\ud800", "name": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"a": 1, "a": 2}',
    b'{"code": NaN, "volume": NaN, "userId": Infinity}',
    b'{"volume": ' + b"9" * 5000 + b"}",
    b"[" * 30_000,
    b'{"a": ' * 10_000,
    b'{"a": "' + b"x" * 60_000 + b'"}',
    b"x" * 513,
    b"x" * 70_000,
    '{"name": "ü"}'.encode("utf-16"),
]
OTHER_TYPES = ["application/octet-stream", "text/plain", "application/x-www-form-urlencoded", ""]


async def test_a_number_out_of_range_in_any_path_is_refused(app: RunningApp) -> None:
    everybody = await identities(app)
    for path, found in document(app)["paths"].items():
        names = re.findall(r"{(\w*id)}", path)
        for method in found if names else ():
            for number in NUMBERS:
                url = re.sub(r"{\w*id}", str(number), path).replace("{host}/{path}", "www.googleapis.com/x")
                for headers in everybody.values():
                    answer = await app.client.request(method, url, headers=headers)
                    assert 400 <= answer.status_code < 500, (method, url, answer.text)


async def test_a_body_that_is_none_is_refused_by_every_route(app: RunningApp) -> None:
    everybody = await identities(app)
    asking = [everybody[who] for who in ("a session", "an API key", "a device")]
    for path, found in document(app)["paths"].items():
        for method in found.keys() & {"post", "put", "patch"}:
            url = re.sub(r"{\w+}", "1", path)
            for headers in asking:
                for body in BODIES:
                    await refused(app, method, url, {**headers, "Content-Type": "application/json"}, body)
            for media_type in OTHER_TYPES:
                for body in BODIES[-3:]:
                    await refused(app, method, url, {**asking[0], "Content-Type": media_type}, body)


async def refused(app: RunningApp, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    answer = await app.client.request(method, url, headers=headers, content=body)
    assert answer.status_code < 500, (method, url, headers.get("Content-Type"), body[:40], answer.text)


async def schemathesis(file: Path, app: RunningApp, *which: str) -> int:
    """Run it with its own command; what it says is passed on."""
    options = [
        *("--url", app.origin, "--checks", "no_fault_for_anybody", "--phases", "coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--generation-deterministic"),
        # To the page, and once more with a cookie.
        *("--max-redirects", "2"),
        *("--request-timeout", "30", "--warnings", "off", "--no-color", "--no-shrink"),
        *("--suppress-health-check", "all", "--continue-on-failure"),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", str(file), *options, *which),
        cwd=file.parent,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(HOOKS),
            "PYTHONPATH": str(HOOKS.parents[2]),
            # It keeps tables of Unicode there, which take seconds to make.
            "HYPOTHESIS_STORAGE_DIRECTORY": str(HOOKS.parents[2] / ".hypothesis"),
            "CATFLAP_STRANGERS_DOCUMENT": str(file),
            "CATFLAP_STRANGERS_AS": str(file.parent / "identities.json"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    sys.stdout.write(said.decode())
    return process.returncode or 0


@pytest.mark.parametrize("code", [b"4" * 513, b"4" * 8192, b"4" * 8193, b"4" * 60_000, b"4/\0", b"\xff"])
async def test_a_bare_code_that_is_none_is_refused(app: RunningApp, code: bytes) -> None:
    headers = {**app.page_headers(), "Content-Type": "application/octet-stream"}
    answer = await app.client.post("/signin/google/code", headers=headers, content=code)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"name": "a\\u0000b"}', "name"),
        (b'{"name": "\\ud800"}', "name"),
        (b'{"name": null}', "name"),
        (b'{"name": "a", "name": "b"}', "the body"),
        (b'{"secret-of-mine": 1}', "the body"),
        (b'{"volume": NaN}', "the body"),
        (b'{"muted_until": "0001-01-01T00:00:00+14:00"}', "muted_until"),
        (b'{"muted_until": "9999-12-31T23:59:59-14:00"}', "muted_until"),
        (b'{"muted_until": "2026-11-24T12:00:00"}', "muted_until"),
    ],
)
async def test_what_cannot_be_stored_is_told_by_its_place_alone(
    app: RunningApp, body: bytes, where: str
) -> None:
    session = (await identities(app))["a session"]
    headers = {**session, "Content-Type": "application/json"}
    answer = await app.client.patch("/v1/devices/1", headers=headers, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"].startswith(f"{where}") and "secret" not in answer.text
