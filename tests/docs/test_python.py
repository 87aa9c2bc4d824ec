"""Python in the documentation runs, against a Catflap and a Google of the test."""

import ast
import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import catflap
from tests.docs.conftest import Stage
from tests.support.app_client import CLIENT_ID, CLIENT_SECRET
from tests.support.doc_blocks import Block, blocks

pytestmark = pytest.mark.slow  # starts an application for each test


def _exchanges(stage: Stage) -> tuple[dict[str, str], dict[str, Any]]:
    settings = f"client_id={CLIENT_ID!r}, client_secret={CLIENT_SECRET!r}, discovery_url={stage.discovery!r}"
    names = {"catflap": catflap, "code": stage.app.native_code()}
    return {"client_id=…, client_secret=…": settings}, names


def _asks_for_tokens(stage: Stage) -> tuple[dict[str, str], dict[str, Any]]:
    calendar = "https://www.googleapis.com/calendar"
    return {"(17,": f"({stage.user_id},", calendar: f"{stage.app.sandbox.base_url}/calendar"}, {}


def _has_tokens(_: Stage, found: dict[str, Any]) -> None:
    assert found["exchanged"].refresh_token and found["exchanged"].profile.email == "alice@example.com"


def _has_credentials(_: Stage, found: dict[str, Any]) -> None:
    found["credentials"].refresh(None)
    assert found["credentials"].token.startswith("ya29.")


def _has_answered(stage: Stage, _: dict[str, Any]) -> None:
    assert stage.app.google_was_asked("calendar.events.list") == 1


def _has_served(_: Stage, found: dict[str, Any]) -> None:
    assert found["base_url"].startswith("http://")


Preparation = Callable[[Stage], tuple[dict[str, str], dict[str, Any]]]
# A part of the block: what is put in for its placeholders, and what must have come out.
EXAMPLES: dict[str, tuple[Preparation, Callable[[Stage, dict[str, Any]], None]]] = {
    "await catflap.exchange_code(": (_exchanges, _has_tokens),
    "calendar = googleapiclient.discovery.build(": (_asks_for_tokens, _has_credentials),
    'build("calendar", "v3", credentials=credentials)\n': (_asks_for_tokens, _has_credentials),
    "await http.get(": (_asks_for_tokens, _has_answered),
    "sandbox.serve_in_thread()": (lambda _: ({}, {}), _has_served),
}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
async def test_an_example_runs(block: Block, stage: Stage) -> None:
    fitting = [example for part, example in EXAMPLES.items() if part in block.text]
    assert fitting, f"{block}: add to EXAMPLES what it needs and what comes out, or claim it in claims.toml"
    prepare, check = fitting[0]
    placeholders, names = prepare(stage)
    found = await _run(stage.real(block.text, placeholders), names)
    await asyncio.to_thread(check, stage, found)


async def _run(source: str, names: dict[str, Any]) -> dict[str, Any]:
    code = compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result
    return names
