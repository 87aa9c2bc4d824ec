"""A machine's loudspeaker as a device: on time, what is true still, also while the server is away."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from catflap.announcements.late import MINUTE_KINDS
from catflap.clock import SystemClock
from catflap.errors import BadRequest
from catflap.player.api import DeviceApi
from catflap.player.pcm import read_wav
from catflap.player.player import LASTING, Player
from catflap.player.storage import Storage
from tests.support.fake_api import open_fake_api
from tests.support.fake_state import FakeApi
from tests.support.http import http_client
from tests.support.recorder import Recorder

TOKEN = "token-1"
PAGE = Path(__file__).parents[2] / "src/catflap/web/static/page/performance.js"


@pytest.fixture
async def catflap() -> AsyncIterator[FakeApi]:
    async with open_fake_api(FakeApi(volume=100)) as opened:
        opened.devices[TOKEN] = 1
        yield opened


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


@pytest.fixture
def output() -> Recorder:
    return Recorder()


@contextlib.asynccontextmanager
async def running(
    catflap: FakeApi, http: httpx2.AsyncClient, folder: Path, output: Recorder
) -> AsyncIterator[asyncio.Task[None]]:
    storage = Storage(folder)
    task = asyncio.create_task(
        Player(DeviceApi(http, catflap.url, TOKEN), storage, output, SystemClock()).run()
    )
    yield task
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def soon(seconds: float = 1.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def acked(*states: str) -> Callable[[FakeApi], bool]:
    return lambda catflap: [ack["state"] for ack in catflap.acks] == list(states)


def fetched(name: str) -> Callable[[FakeApi], bool]:
    return lambda catflap: f"GET /sounds/{name}.wav" in catflap.asked


async def test_a_sound_is_played_at_its_time_and_acknowledged(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    due = soon()
    catflap.say("a", due, "Ahoy!", seconds=0.1)
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("played"))
    ((sound, at),) = output.played
    assert abs(at - due) < timedelta(milliseconds=50)
    assert sound == read_wav(catflap.sounds["a"])


async def test_two_at_once_are_played_one_after_the_other(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    due = soon(0.5)
    for name in ("a", "b"):
        catflap.say(name, due, name, seconds=0.1)
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("played", "played"))
    assert len(output.played) == 2


async def test_what_disappears_from_the_schedule_is_not_played(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    catflap.say("cancelled", soon(3), "Ahoy!")
    async with running(catflap, http, tmp_path, output):
        await catflap.until(fetched("cancelled"))
        catflap.announcements.clear()
        catflap.say("other", soon(3), "Ahoy!", seconds=0.1)
        await catflap.tell()
        await catflap.until(acked("played"))
    assert [ack["announcement"] for ack in catflap.acks] == ["other"]


async def test_while_muted_nothing_is_played_and_that_is_told(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    catflap.muted_until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    catflap.say("a", soon(0.2), "Ahoy!")
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("held"))
    assert not output.played


async def test_a_held_schedule_is_played_after_a_restart_without_the_server(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    """Acknowledgements arrive when it is back, and nothing is said twice."""
    catflap.say("a", soon(2), "Ahoy!", seconds=0.1)
    catflap.say("b", soon(3_600), "Ahoy!")
    async with running(catflap, http, tmp_path, output):
        # Sounds are fetched one after the other.
        await catflap.until(fetched("b"))
    url, catflap.url = catflap.url, "http://127.0.0.1:9"
    async with running(catflap, http, tmp_path, output):
        async with asyncio.timeout(20):
            await output.heard.wait()
    catflap.url = url
    assert not catflap.acks
    assert Storage(tmp_path).next_ack()
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("played"))
        await catflap.until(lambda catflap: catflap.heartbeats >= 2)
    assert len(output.played) == 1


@pytest.mark.parametrize("broken", ["torn", "swapped"])
async def test_a_sound_that_is_not_what_the_schedule_says_is_never_played(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder, broken: str
) -> None:
    one = catflap.say("a", soon(0.1), "Ahoy!", lasts=timedelta(seconds=1.5))
    whole = catflap.sounds["a"]
    catflap.sounds["a"] = whole[:-100] if broken == "torn" else whole[:-2] + b"\1\1"
    assert one["audio"]["sha256"]
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("failed"))
    assert catflap.acks[0]["detail"] == "no_sound"
    assert not output.played


async def test_what_is_too_late_is_missed(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    catflap.say("a", soon(-100), "In ten minutes.")
    catflap.say("b", soon(-60), "In ten minutes.", seconds=0.1)
    async with running(catflap, http, tmp_path, output):
        await catflap.until(lambda catflap: len(catflap.acks) == 2)
    assert {ack["announcement"]: ack["state"] for ack in catflap.acks} == {"a": "failed", "b": "played"}


async def test_a_clock_that_is_wrong_by_hours_changes_nothing(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    ahead = timedelta(hours=5)
    catflap.now = lambda: datetime.now(UTC) + ahead
    due = soon()
    catflap.say("a", due + ahead, "Ahoy!", seconds=0.1)
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("played"))
    ((_, at),) = output.played
    assert abs(at - due) < timedelta(milliseconds=200)


async def test_an_output_that_fails_is_told(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    output.works = False
    catflap.say("a", soon(0.2), "Ahoy!", seconds=0.1)
    async with running(catflap, http, tmp_path, output):
        await catflap.until(acked("failed"))
    assert catflap.acks[0]["detail"] == "no_speaker"


async def test_a_device_that_was_removed_ends(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    async with running(catflap, http, tmp_path, output) as task:
        await catflap.until(lambda catflap: catflap.streams == 1)
        await catflap.end_session()
        with pytest.raises(BadRequest, match="not paired") as ended:
            await task
    assert ended.value.code == "unpaired"


async def test_a_stream_that_breaks_is_opened_again(
    catflap: FakeApi, http: httpx2.AsyncClient, tmp_path: Path, output: Recorder
) -> None:
    async with running(catflap, http, tmp_path, output):
        await catflap.until(lambda catflap: catflap.streams == 1)
        await catflap.hang_up()
        await catflap.until(lambda catflap: catflap.streams == 2)


def test_the_page_and_the_player_agree_on_what_is_true_for_long() -> None:
    (found,) = re.findall(r"LASTING = new Set\(\[(.*?)\]\)", PAGE.read_text())
    assert set(re.findall(r'"(\w+)"', found)) == LASTING
    assert not LASTING & MINUTE_KINDS
