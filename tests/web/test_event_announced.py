"""A written event is announced without waiting for the next regular sync."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.app_client import RunningApp
from tests.support.events import Writer, event, writer

pytestmark = pytest.mark.slow  # starts an application for each test


async def paired(user: Writer) -> dict[str, str]:
    """Pair a device with the user; its headers."""
    hashed = hashlib.sha256(b"robot").hexdigest()
    body = {"token_sha256": hashed, "model": "mia"}
    code = (await user.app.client.post("/v1/pairings", json=body)).json()["code"]
    answer = await user.app.client.post("/v1/devices", headers=user.headers, json={"code": code})
    assert answer.status_code == 201
    return {"Authorization": "Bearer robot", "Accept": "text/event-stream"}


async def texts(response: httpx2.Response) -> AsyncIterator[str]:
    """What each document of the device's schedule says."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            document = json.loads(line.removeprefix("data: "))
            yield " ".join(one["text"] for one in document["announcements"])


async def test_announcements_follow_a_written_event(app: RunningApp) -> None:
    alice = await writer(app)
    headers = await paired(alice)
    times = {name: {"date_time": f"2026-11-24T{hour}:00:00Z"} for name, hour in (("start", 15), ("end", 16))}
    async with (
        asyncio.timeout(60),
        app.catflap.work(periodic=False),
        app.client.stream("GET", "/v1/device/schedule", headers=headers) as response,
    ):
        schedule = texts(response)
        assert "Dentist" not in await anext(schedule)
        assert (await alice.insert({**event(), **times})).status_code == 201
        while "Dentist" not in await anext(schedule):
            pass
        assert (await alice.change({"title": "Doctor"})).status_code == 200
        while "Doctor" not in await anext(schedule):
            pass
        assert (await alice.delete()).status_code == 204
        while "Doctor" in await anext(schedule):
            pass
