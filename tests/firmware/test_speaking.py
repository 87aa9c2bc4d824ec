"""The firmware speaks each announcement once, at its time, exactly as the server made it."""

from datetime import timedelta

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import milliseconds, samples


async def test_an_announcement_is_spoken_within_50_ms_of_its_time_sample_by_sample(
    owner: DeviceOwner, start: Start
) -> None:
    play_at = owner.in_(minutes=2)
    wav = await owner.plan("lunch", play_at)
    async with start() as mia:
        await mia.until("sound_held", announcement="lunch")
        await mia.advance(timedelta(minutes=2))
        assert not mia.find("recorded")
        await mia.advance(timedelta(seconds=2))
        recorded = await mia.until("recorded")
        assert 0 <= recorded["at"] - milliseconds(play_at) <= 50
        assert samples(mia.folder / recorded["file"]) == samples(wav)
        await mia.until("ack_sent", announcement="lunch", state="played", status=204)
    assert await owner.states() == {"lunch": "played"}
