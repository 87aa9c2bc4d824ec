"""The firmware with time that flows, as on a board."""

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import samples


async def test_it_speaks_by_itself_when_the_time_has_come(owner: DeviceOwner, start: Start) -> None:
    wav = await owner.plan("lunch", owner.in_(seconds=4))
    async with start(clock=None) as mia:
        await mia.until("ack_sent", announcement="lunch", state="played")
        recorded = mia.find("recorded")[-1]
        assert samples(mia.folder / recorded["file"]) == samples(wav)
