"""With server or power gone the firmware goes on, and says and reports nothing twice."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.firmware.conftest import Start
from tests.support.app_client import RunningApp
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import Firmware, milliseconds, samples, write_flash
from tests.support.severable import Severable, severable
from tests.support.tone import tone_wav

HOUR = timedelta(hours=1)


@pytest.fixture
async def proxy(app: RunningApp) -> AsyncIterator[Severable]:
    async with severable(app.netloc) as opened:
        yield opened


@pytest.fixture
async def flash(proxy: Severable, owner: DeviceOwner, tmp_path: Path) -> Path:
    """As the flash of the other tests, but the server is reached by a network that can be cut."""
    folder = tmp_path / "flash"
    write_flash(folder, f"http://127.0.0.1:{proxy.port}")
    (folder / "state.json").write_text(json.dumps(await owner.pair()))
    return folder


async def until_held(mia: Firmware, *names: str) -> None:
    for name in names:
        await mia.until("sound_held", announcement=name)


async def test_with_the_server_stopped_for_an_hour_all_is_spoken_and_reported_once_afterwards(
    owner: DeviceOwner, start: Start, proxy: Severable
) -> None:
    names = [f"number-{number}" for number in range(1, 9)]
    times = {name: owner.in_(minutes=7 * number + 5) for number, name in enumerate(names)}
    wavs = {name: await owner.plan(name, at) for name, at in times.items()}
    async with start() as mia:
        await until_held(mia, *names)
        await proxy.cut()
        await mia.until("offline")
        cut_off = len(mia.events)
        await mia.advance(HOUR)
        assert [one["announcement"] for one in mia.find("done", state="played")] == names
        assert not [one for one in mia.events[cut_off:] if one["event"] == "ack_sent"]
        await proxy.restore()
        # It tries again within a minute.
        await mia.advance(timedelta(minutes=1))
        for name in names:
            await mia.until("ack_sent", announcement=name, status=204)
        sent = [one["announcement"] for one in mia.find("ack_sent")]
        recordings = mia.find("recorded")
    assert sent == names
    assert set((await owner.states()).values()) == {"played"}
    for name, recorded in zip(names, recordings, strict=True):
        assert 0 <= recorded["at"] - milliseconds(times[name]) <= 50
        assert samples(mia.folder / recorded["file"]) == samples(wavs[name])


async def test_what_was_spoken_before_a_power_cut_is_not_spoken_again_and_reported_once(
    owner: DeviceOwner, start: Start, proxy: Severable
) -> None:
    await owner.plan("spoken", owner.in_(seconds=30))
    await owner.plan("coming", owner.in_(minutes=5))
    async with start() as mia:
        await until_held(mia, "spoken", "coming")
        await proxy.cut()
        await mia.advance(timedelta(minutes=1))
        await mia.until("done", announcement="spoken", state="played")
    async with start() as mia:
        await mia.advance(timedelta(minutes=5))
        await mia.until("done", announcement="coming", state="played")
        assert [one["announcement"] for one in mia.find("speak")] == ["coming"]
    await proxy.restore()
    async with start() as mia:
        await mia.until("ack_sent", announcement="coming")
        assert [one["announcement"] for one in mia.find("ack_sent")] == ["spoken", "coming"]
    async with start() as mia:
        await mia.until("schedule")
        assert not mia.find("ack_sent")


async def test_one_that_a_power_cut_interrupts_is_not_spoken_again(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("long", owner.in_(seconds=30), tone_wav(5.0))
    async with start() as mia:
        await until_held(mia, "long")
        await mia.advance(timedelta(seconds=32))
        await mia.until("speak", announcement="long")
        assert not mia.find("done")
    async with start() as mia:
        await mia.until("ack_sent", announcement="long", state="failed")
        await mia.advance(timedelta(seconds=20))
        assert not mia.find("speak")


async def test_a_power_cut_in_the_middle_of_any_write_leaves_what_can_be_read(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    await owner.plan("first", owner.in_(seconds=30))
    async with start() as mia:
        await until_held(mia, "first")
        await mia.advance(timedelta(seconds=40))
        await mia.until("ack_sent", announcement="first")
    # What a power cut leaves: a torn line, files half written.
    with (flash / "journal").open("a") as journal:
        journal.write('["begun", "sec')
    for torn in ("state.json.new", "schedule.new", "journal.new"):
        (flash / torn).write_text('{"tok')
    (flash / "cache" / "0123.part").write_bytes(b"RIFF")
    await owner.plan("second", owner.in_(seconds=30))
    async with start() as mia:
        await until_held(mia, "second")
        await mia.advance(timedelta(seconds=40))
        await mia.until("ack_sent", announcement="second", state="played")
        assert [one["announcement"] for one in mia.find("speak")] == ["second"]
    assert not list((flash / "cache").glob("*.part"))


async def test_a_server_that_is_away_for_a_day_is_told_of_once(start: Start, proxy: Severable) -> None:
    async with start() as mia:
        await mia.until("online")
        await proxy.cut()
        await mia.until("offline")
        await mia.jump(23 * HOUR)
        await mia.advance(timedelta(minutes=3))
        assert not mia.find("prompt")
        await mia.jump(HOUR)
        await mia.advance(timedelta(minutes=3))
        await mia.until("trouble", name="server")
        await mia.advance(timedelta(minutes=3))
        assert [one["name"] for one in mia.find("prompt")] == ["sounds/server.wav"]


async def test_without_wifi_it_says_so_once_and_speaks_what_it_holds(
    owner: DeviceOwner, start: Start
) -> None:
    await owner.plan("lunch", owner.in_(minutes=10))
    async with start() as mia:
        await until_held(mia, "lunch")
    async with start(wifi=[]) as mia:
        await mia.advance(timedelta(minutes=11))
        await mia.until("trouble", name="no_wifi")
        await mia.advance(timedelta(minutes=5))
        await mia.until("done", announcement="lunch", state="played")
        assert [one["name"] for one in mia.find("prompt")] == ["sounds/no_wifi.wav"]
        await mia.do("wifi", ["Home"])
        await mia.advance(timedelta(minutes=1))
        await mia.until("ack_sent", announcement="lunch")


async def test_without_the_server_a_tap_says_the_last_sound_again(
    owner: DeviceOwner, start: Start, proxy: Severable
) -> None:
    wav = await owner.plan("lunch", owner.in_(seconds=30))
    async with start() as mia:
        await until_held(mia, "lunch")
        await mia.advance(timedelta(seconds=40))
        await mia.until("ack_sent", announcement="lunch")
        await proxy.cut()
        await mia.until("offline")
        await mia.do("press", 200)
        await mia.advance(timedelta(seconds=5))
        await mia.until("prompt")
        for recorded in mia.find("recorded"):
            assert samples(mia.folder / recorded["file"]) == samples(wav)
        assert len(mia.find("recorded")) == 2
