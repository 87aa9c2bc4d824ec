"""A sandbox for Google's own clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from google_sandbox import Sandbox
from sandbox_support.discovery import Validating
from sandbox_support.person import populate


@pytest.fixture
async def google() -> AsyncIterator[Sandbox]:
    """A sandbox on the real clock that signs as Google does."""
    sandbox = Sandbox(seed=7, issuer="https://accounts.google.com")
    populate(sandbox)
    validating = Validating(sandbox.app)
    sandbox.app = validating
    async with sandbox.serve():
        yield sandbox
    assert validating.complaints == []
