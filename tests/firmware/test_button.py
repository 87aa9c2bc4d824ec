"""The button repeats and mutes; the ring shows the time that is left as a shrinking disc."""

import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from catflap.store.tables import announcements
from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner

TAP, HOLD = 200, 1500


async def test_a_tap_repeats_what_was_said_last(owner: DeviceOwner, start: Start) -> None:
    await owner.plan("lunch", owner.in_(seconds=30))
    async with start() as mia:
        await mia.until("sound_held")
        await mia.advance(timedelta(seconds=40))
        await mia.until("ack_sent", announcement="lunch")
        await mia.do("press", TAP)
        await mia.advance(timedelta(seconds=1))
        await mia.until("button", how="tap")
        await mia.until("action", status=200)
    async with owner.app.catflap.services.engine.connect() as connection:
        kinds = (await connection.scalars(select(announcements.c.kind).order_by("kind"))).all()
    assert kinds == ["before", "repeat"]


async def test_a_hold_mutes_this_device_on_the_server_too_and_another_ends_it(
    owner: DeviceOwner, start: Start
) -> None:
    await owner.plan("lunch", owner.in_(minutes=2))
    async with start() as mia:
        await mia.until("sound_held")
        for said in ("muted", "unmuted"):
            before = len(mia.events)
            await mia.do("press", HOLD)
            await mia.advance(timedelta(seconds=3))
            await mia.until("action", after=before, status=200)
            await mia.until("prompt", name=f"sounds/{said}.wav")
            (row,) = await owner.app.rows("SELECT muted_until FROM app.devices")
            assert (row["muted_until"] is not None) == (said == "muted")
        assert "mute" not in mia.state()


async def test_a_ten_second_hold_forgets_wifi_and_pairing(start: Start) -> None:
    async with start() as mia:
        await mia.until("online")
        await mia.do("press", 11_000)
        await mia.advance(timedelta(seconds=13))
        await mia.until("button", how="reset")
        await mia.until("reset")
        assert mia.state() == {}


async def test_the_ring_is_a_disc_that_shrinks_until_the_next_announcement(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    config = json.loads((flash / "config.json").read_text())
    config["pins"] |= {"ring": 4, "ring_count": 12, "led": 2}
    (flash / "config.json").write_text(json.dumps(config))
    await owner.plan("lunch", owner.in_(hours=2))
    lit = []
    async with start() as mia:
        await mia.until("sound_held")
        for minutes in (1, 74, 15, 15, 14):
            await mia.advance(timedelta(minutes=minutes))
            await mia.advance(timedelta(seconds=1))
            shown = mia.find("ring")[-1]["pixels"]
            lit.append(sum(any(pixel) for pixel in shown))
        # 119 minutes are a full disc; 45, 30, 15 and 1 minutes what is left of an hour.
        assert lit == [12, 9, 6, 3, 1]
        assert mia.find("led")[-1]["value"] == 1
