"""Fixture `speech`: real engine processes, one pair per test module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from catflap.speech import Speech
from tests.support.voices import quick_engines


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speech() -> AsyncIterator[Speech]:
    voice = Speech(engines=quick_engines())
    yield voice
    await voice.aclose()
