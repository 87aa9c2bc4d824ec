"""Uses of API keys and grants are stored in the background."""

import asyncio
from datetime import timedelta

import pytest

from catflap.clock import FixedClock
from catflap.vault import Grants, usage
from catflap.vault.usage import UsageRecorder
from tests.support.statements import queries, recorded_statements
from tests.vault.conftest import GrantConsent


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


async def test_a_grant_that_is_used_often_is_noted_every_five_minutes(
    grants: Grants, grant_consent: GrantConsent, clock: FixedClock
) -> None:
    grant = await grant_consent()

    async def written() -> int:
        current = await grants.token(grant.id)
        assert current is not None
        grants.note_use(current)
        with recorded_statements() as sent:
            await grants.write_uses()
        return queries(sent)

    assert [await written(), await written()] == [1, 0]
    clock.advance(timedelta(minutes=5) - timedelta(seconds=1))
    assert await written() == 0
    clock.advance(timedelta(seconds=1))
    assert [await written(), await written()] == [1, 0]
