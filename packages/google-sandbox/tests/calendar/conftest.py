"""A client of Calendar v3 with an access token."""

from __future__ import annotations

import httpx2
import pytest

from sandbox_support.person import Person


@pytest.fixture
async def calendar(mia: Person) -> httpx2.AsyncClient:
    mia.http.headers.update(await mia.bearer())
    return mia.http
