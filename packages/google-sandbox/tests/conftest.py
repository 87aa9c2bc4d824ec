"""A served sandbox with a settable clock; every response is validated while a test runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import settings

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.discovery import Validating
from sandbox_support.person import Person, populate

# The same examples in each run, so that red is about the change; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    sandbox = Sandbox(clock=clock, seed=7)
    populate(sandbox)
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
