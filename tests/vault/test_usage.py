"""Uses of API keys and grants are stored in the background."""

import asyncio

import pytest

from catflap.vault import usage
from catflap.vault.usage import UsageRecorder


async def test_every_writer_is_called_although_one_fails_and_once_more_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage, "_EVERY_SECONDS", 0)
    written, calls = asyncio.Event(), 0

    async def fails() -> None:
        raise OSError

    async def writes() -> None:
        nonlocal calls
        calls += 1
        written.set()

    async with UsageRecorder(fails, writes):
        await written.wait()
        before = calls
    assert calls > before
