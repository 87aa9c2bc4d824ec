"""Sounds on flash: only what the schedule says, within what fits, the next ones first."""

import json
from datetime import timedelta
from pathlib import Path

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import samples
from tests.support.tone import tone_wav


async def test_a_truncated_sound_is_fetched_again_and_never_spoken(owner: DeviceOwner, start: Start) -> None:
    wav = await owner.plan("lunch", owner.in_(minutes=10))
    await owner.app.rows("UPDATE app.sounds SET wav = $1", wav[:-100])
    async with start() as mia:
        broken = await mia.until("sound_broken", announcement="lunch")
        assert broken["bytes"] == len(wav) - 100
        assert not [name for name in mia.cached() if name.endswith(".wav")]
        await owner.app.rows("UPDATE app.sounds SET wav = $1", wav)
        await mia.advance(timedelta(seconds=30))
        await mia.until("sound_held")
        await mia.advance(timedelta(minutes=10))
        recorded = await mia.until("recorded")
        assert samples(mia.folder / recorded["file"]) == samples(wav)


async def test_a_sound_that_stays_tampered_is_reported_as_missed(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("tampered", owner.in_(minutes=1), sha256="ab" * 32, expires_at=owner.in_(minutes=2))
    async with start() as mia:
        await mia.until("sound_broken")
        await mia.advance(timedelta(minutes=3))
        await mia.until("ack_sent", announcement="tampered", state="missed")
        assert not mia.find("recorded")


async def test_a_sound_that_changed_on_flash_is_fetched_again_before_its_time(
    owner: DeviceOwner, start: Start
) -> None:
    wav = await owner.plan("lunch", owner.in_(minutes=10))
    async with start() as mia:
        await mia.until("sound_held")
        (name,) = mia.cached()
        held = bytearray(wav)
        held[2000] ^= 1
        (mia.folder / "cache" / name).write_bytes(held)
        await mia.advance(timedelta(minutes=9, seconds=50))
        await mia.until("sound_broken", announcement="lunch")
        await mia.until("sound_held", after=mia.events.index(mia.find("sound_broken")[0]))
        await mia.advance(timedelta(seconds=15))
        recorded = await mia.until("recorded")
        assert samples(mia.folder / recorded["file"]) == samples(wav)
        assert mia.find("speak")[0]["late_ms"] <= 50


async def test_within_the_budget_it_holds_the_next_sounds_and_goes_on_when_one_was_spoken(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    config = json.loads((flash / "config.json").read_text())
    (flash / "config.json").write_text(json.dumps({**config, "sound_budget": 70_000}))
    for number in range(4):
        await owner.plan(f"n{number}", owner.in_(minutes=1 + number), tone_wav(1.0 - number / 100))
    async with start() as mia:
        await mia.until("sound_held", announcement="n1")
        await mia.advance(timedelta(seconds=30))
        assert len(mia.find("sound_held")) == 2
        for number in range(2, 4):
            await mia.advance(timedelta(minutes=1))
            await mia.until("ack_sent", announcement=f"n{number - 2}", state="played")
            await mia.until("sound_held", announcement=f"n{number}")


async def test_when_flash_is_full_the_sound_that_is_needed_last_gives_way(
    owner: DeviceOwner, start: Start
) -> None:
    for number in range(3):
        await owner.plan(f"n{number}", owner.in_(hours=1 + number), tone_wav(1.0 + number / 100))
    # 48 kB are reserved; the rest is for prompts, configuration and two sounds.
    async with start(flash=150_000) as mia:
        await mia.until("sound_held", announcement="n1")
        await mia.advance(timedelta(seconds=30))
        assert len(mia.find("sound_held")) == 2
        await owner.plan("soon", owner.in_(minutes=10), tone_wav(0.9))
        await mia.until("sound_dropped", announcement="n1")
        await mia.until("sound_held", announcement="soon")
        await mia.advance(timedelta(minutes=11))
        await mia.until("ack_sent", announcement="soon", state="played")
        assert not mia.find("trouble")


async def test_a_sound_that_does_not_fit_at_all_is_told_of(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("huge", owner.in_(minutes=10), tone_wav(8.0))
    async with start(flash=150_000) as mia:
        await mia.until("trouble", name="full")
        await mia.advance(timedelta(seconds=5))
        assert (await mia.until("prompt"))["name"] == "sounds/full.wav"


async def test_an_announcement_is_kept_when_writing_fails_for_want_of_flash(
    owner: DeviceOwner, start: Start
) -> None:
    await owner.plan("lunch", owner.in_(minutes=10))
    async with start(flash=150_000) as mia:
        await mia.until("sound_held")
        # Not even the journal can be written.
        await mia.do("flash", 1)
        await mia.advance(timedelta(minutes=11))
        await mia.until("done", announcement="lunch")
        await mia.do("flash", 150_000)
        await mia.until("ack_sent", announcement="lunch")
        assert len(mia.find("speak")) <= 1
