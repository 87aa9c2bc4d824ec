"""The firmware speaks each announcement once, at its time, exactly as the server made it."""

import array
from datetime import timedelta

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import milliseconds, samples

MINUTE = timedelta(minutes=1)


async def test_an_announcement_is_spoken_within_50_ms_of_its_time_sample_by_sample(
    owner: DeviceOwner, start: Start
) -> None:
    play_at = owner.in_(minutes=2)
    wav = await owner.plan("lunch", play_at)
    async with start() as mia:
        await mia.until("sound_held", announcement="lunch")
        await mia.advance(2 * MINUTE)
        assert not mia.find("recorded")
        await mia.advance(timedelta(seconds=2))
        recorded = await mia.until("recorded")
        assert 0 <= recorded["at"] - milliseconds(play_at) <= 50
        assert samples(mia.folder / recorded["file"]) == samples(wav)
        # The amplifier has had its last sample before the server is told.
        order = [one["event"] for one in mia.events if one["event"] in ("recorded", "ack_sent")]
        await mia.until("ack_sent", announcement="lunch", state="played", status=204)
        assert order[:1] == ["recorded"]
        assert max(one["fed"] for one in mia.find("obeyed")) > 100
    assert await owner.states() == {"lunch": "played"}


async def test_a_meeting_cancelled_three_seconds_before_its_announcement_is_not_spoken(
    owner: DeviceOwner, start: Start
) -> None:
    await owner.plan("cancelled", owner.in_(seconds=60))
    await owner.plan("other", owner.in_(seconds=70))
    async with start() as mia:
        await mia.until("sound_held", announcement="cancelled")
        await mia.until("sound_held", announcement="other")
        await mia.advance(timedelta(seconds=57))
        await owner.cancel("cancelled")
        await mia.until("schedule", announcements=1)
        await mia.advance(timedelta(seconds=20))
        await mia.until("done", announcement="other", state="played")
        assert [one["announcement"] for one in mia.find("speak")] == ["other"]


async def test_one_cancelled_while_i2s_is_open_for_it_is_not_spoken(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("cancelled", owner.in_(seconds=60))
    async with start() as mia:
        await mia.until("sound_held")
        await mia.advance(timedelta(milliseconds=59_700))
        await owner.cancel("cancelled")
        await mia.until("schedule", announcements=0)
        await mia.advance(timedelta(seconds=5))
        await mia.until("withdrawn", announcement="cancelled")
        assert not mia.find("speak")
        assert not mia.find("recorded")


async def test_one_that_is_moved_is_spoken_at_its_other_time_only(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("moved", owner.in_(seconds=60))
    later = owner.in_(seconds=90)
    async with start() as mia:
        await mia.until("sound_held")
        await owner.app.rows("UPDATE app.announcements SET play_at = $1", later)
        before = len(mia.events)
        await owner.tell()
        await mia.until("schedule", after=before)
        await mia.advance(timedelta(seconds=100))
        recorded = await mia.until("recorded")
        assert 0 <= recorded["at"] - milliseconds(later) <= 50
        assert len(mia.find("speak")) == 1


async def test_while_it_is_muted_what_is_due_is_reported_as_held(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("muted", owner.in_(seconds=60))
    await owner.set(muted_until=owner.in_(minutes=2).isoformat())
    await owner.plan("after", owner.in_(minutes=3))
    async with start() as mia:
        await mia.until("sound_held", announcement="after")
        await mia.advance(timedelta(minutes=4))
        await mia.until("ack_sent", announcement="muted", state="held")
        await mia.until("ack_sent", announcement="after", state="played")
        assert [one["announcement"] for one in mia.find("speak")] == ["after"]
    assert await owner.states() == {"muted": "held", "after": "played"}


async def test_nothing_is_spoken_after_it_expired(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("expired", owner.in_(seconds=60), expires_at=owner.in_(seconds=90))
    await owner.plan("late", owner.in_(seconds=61), expires_at=owner.in_(minutes=10))
    async with start() as mia:
        await mia.until("sound_held", announcement="expired")
        await mia.until("sound_held", announcement="late")
        # The chip was busy for two minutes.
        await mia.jump(timedelta(minutes=2))
        await mia.advance(timedelta(seconds=5))
        await mia.until("ack_sent", announcement="expired", state="missed")
        await mia.until("ack_sent", announcement="late", state="played")
        assert [one["announcement"] for one in mia.find("speak")] == ["late"]


async def test_samples_are_scaled_by_the_volume(owner: DeviceOwner, start: Start) -> None:
    wav = await owner.plan("quiet", owner.in_(seconds=30))
    await owner.set(volume=40)
    async with start() as mia:
        await mia.until("sound_held")
        await mia.advance(timedelta(seconds=35))
        recorded = await mia.until("recorded")
        heard = array.array("h", samples(mia.folder / recorded["file"]))
    factor = 40 * 256 // 100
    assert list(heard) == [one * factor >> 8 for one in array.array("h", samples(wav))]


async def test_a_sound_that_is_rendered_later_comes_with_the_next_schedule(
    owner: DeviceOwner, start: Start
) -> None:
    await owner.plan("unrendered", owner.in_(minutes=1), sound_key="not rendered yet", state="planned")
    async with start() as mia:
        await mia.until("schedule", announcements=1)
        await owner.app.rows(
            "UPDATE app.announcements SET sound_key = 'sound of unrendered', state = 'ready'"
        )
        await owner.tell()
        await mia.until("sound_held")
        await mia.advance(2 * MINUTE)
        await mia.until("ack_sent", announcement="unrendered", state="played")
