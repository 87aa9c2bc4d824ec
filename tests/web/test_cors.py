"""Pages of allowed origins may send and read each header that the OpenAPI document declares."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import RunningApp, running_app
from tests.support.openapi import operations

_PAGE = "https://app.example.com"
# Readable without being exposed (Fetch standard, "CORS-safelisted response-header name").
_SAFE = {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified"}
# Browsers keep cookies, and where a redirect leads, from every script, and set the Origin themselves.
_BROWSERS_OWN = {"location", "origin", "set-cookie"}
# Google alone sends notifications.
_GOOGLES_OWN = "x-goog-"


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, allowed_origins=(_PAGE,)) as opened:
        yield opened


async def test_each_declared_response_header_may_be_read(app: RunningApp) -> None:
    answer = await app.client.get("/v1/me", headers={"Origin": _PAGE})
    declared = {name.lower() for name in _response_headers(app.catflap.web.openapi())}
    assert {"etag", "retry-after"} <= declared
    assert _names(answer.headers["Access-Control-Expose-Headers"]) == declared - _SAFE - _BROWSERS_OWN


async def test_each_declared_request_header_may_be_sent(app: RunningApp) -> None:
    declared = {name.lower() for name in _request_headers(app.catflap.web.openapi())}
    sent = {name for name in declared if not name.startswith(_GOOGLES_OWN)} - _BROWSERS_OWN
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": ",".join(sorted(sent))}
    preflight = await app.client.options("/v1/device/schedule", headers={"Origin": _PAGE, **asked})
    assert preflight.status_code == 200, preflight.text
    assert sent <= _names(preflight.headers["Access-Control-Allow-Headers"])


async def test_pages_of_other_origins_are_told_nothing(app: RunningApp) -> None:
    answer = await app.client.get("/v1/me", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def _response_headers(document: dict[str, Any]) -> Iterator[str]:
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            yield from response.get("headers", ())


def _request_headers(document: dict[str, Any]) -> Iterator[str]:
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "header":
                yield parameter["name"]


def _names(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}
