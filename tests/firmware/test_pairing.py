"""A new device says its code and is claimed; once in a while it replaces its token."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner


def change(file: Path, **members: object) -> None:
    """Set members of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **members}))


async def test_a_new_device_says_its_code_and_is_claimed_by_it(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    (flash / "state.json").unlink()
    async with start() as mia:
        await mia.until("pairing")
        await mia.advance(timedelta(seconds=20))
        await mia.until("prompt", name="sounds/pair.wav")
        digits = [one["name"] for one in mia.find("prompt")][1:7]
        code = "".join(name.removeprefix("sounds/").removesuffix(".wav") for name in digits)
        assert len(code) == 6
        await owner.claim(code)
        await mia.advance(timedelta(seconds=10))
        await mia.until("paired", device=owner.device_id)
        await mia.until("online")
        token = mia.state()["token"]
    assert len(token) == 64
    assert token not in json.dumps(mia.events)


async def test_a_power_cut_between_claim_and_answer_loses_no_pairing(
    owner: DeviceOwner, start: Start, flash: Path
) -> None:
    (flash / "state.json").unlink()
    async with start() as mia:
        await mia.until("pairing")
        await mia.advance(timedelta(seconds=20))
        await mia.until("prompt", name="sounds/pair.wav")
        digits = [one["name"] for one in mia.find("prompt")][1:7]
    await owner.claim("".join(name[7] for name in digits))
    async with start() as mia:
        await mia.until("paired", device=owner.device_id)
        await mia.until("online")


@pytest.mark.parametrize("cut", [False, True], ids=["", "with a power cut after the server took it"])
async def test_the_token_is_replaced_after_a_month(
    owner: DeviceOwner, start: Start, flash: Path, cut: bool
) -> None:
    change(flash / "state.json", token_at=1)
    async with start() as mia:
        await mia.until("token_rotated")
        await mia.until("online", after=mia.events.index(mia.find("token_rotated")[0]))
        new = mia.state()["token"]
    assert new != owner.token
    if cut:
        change(flash / "state.json", token=owner.token, next_token=new)
    async with start() as mia:
        await mia.until("online")
        assert mia.state()["token"] == new
