"""A served sandbox with a settable clock; every response is validated while a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from google_sandbox import Sandbox
from tests.sandbox.discovery import Validating
from tests.sandbox.person import Person, furnish


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    sandbox = Sandbox(clock=clock, seed=7)
    furnish(sandbox)
    return sandbox


@pytest.fixture
async def base(sandbox: Sandbox) -> AsyncIterator[str]:
    validating = Validating(sandbox.app)
    sandbox.app = validating
    async with sandbox.serve() as base_url:
        yield base_url
    assert validating.complaints == []


@pytest.fixture
async def http(base: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=base, follow_redirects=False, timeout=30) as client:
        yield client


@pytest.fixture
def mia(http: httpx2.AsyncClient) -> Person:
    return Person(http)
