"""Runs firmware/mia.py on this computer, under CPython or MicroPython, and lets a test move its time.

Arguments: the folder that is its flash, and a JSON object:
    control: the port at which the test listens for this program.
    firmware: the folder of mia.py.
    now: milliseconds since 1970, or null to let real time flow.
    clock_error: milliseconds by which the chip's clock is wrong; null if it has no time.
    flash: bytes that fit; null without a limit.
    wifi: the names of networks that can be joined; null for any.

Each line of its output is an event as JSON.
"""

import asyncio
import json
import os
import sys
import time

HERE = __file__.rpartition("/")[0]
OPTIONS = json.loads(sys.argv[2])
sys.path.insert(0, OPTIONS["firmware"])
sys.path.insert(0, HERE)
if sys.implementation.name == "cpython":
    sys.path.insert(0, HERE + "/cpython")

import machine
import mia
import neopixel
import network


class HostClock(mia.Clock):
    """Time that stands still until a test moves it, or real time.

    Moved, it goes on in the steps in which the firmware waits: times are exact on any machine.
    """

    def __init__(self):
        self._virtual = 0
        self._limit = 0
        self._flows = OPTIONS["now"] is None
        self._start = time.time_ns() // 1_000_000 if self._flows else OPTIONS["now"]
        error = OPTIONS["clock_error"]
        self._error = -self._start if error is None else error
        super().__init__()
        self._began = self._raw_ticks()

    def ticks(self):
        return super().ticks() if self._flows else self._virtual

    def system_ms(self):
        return self._start + self._error + self.ticks()

    def _set_chip(self, ms):
        self._error = ms - self._start - self.ticks()

    async def sleep(self, ms):
        if self._flows:
            await super().sleep(ms)
            return
        # Whichever comes first, so that waiting for the network goes on while the time of day stands still.
        until, began = self._virtual + ms, self._raw_ticks()
        while self._virtual < until and abs(self._raw_ticks() - began) < ms:
            await asyncio.sleep(0.001)

    async def tick(self, ms):
        if self._flows:
            await super().tick(ms)
        elif self._virtual < self._limit and ms:
            self._virtual = min(self._limit, self._virtual + ms)
            # In long steps the network needs its turn too.
            await asyncio.sleep(0.001 if ms >= 500 else 0)
        else:
            await asyncio.sleep(0.001)

    def jump(self, ms):
        """Let time pass at once, as for a chip that was busy."""
        self._virtual += ms
        self._limit = max(self._limit, self._virtual)

    async def advance(self, ms):
        """Let time pass, and wait until the firmware has lived through it."""
        self._limit += ms
        while self._virtual < self._limit:
            await asyncio.sleep(0.001)


class Host:
    """What the modules of this folder and the commands of the test share."""

    def __init__(self, clock):
        self.clock = clock
        self.wifi = False
        self.wifi_names = OPTIONS["wifi"]
        self.fed = 0
        self.flash = OPTIONS["flash"]
        self._press_ms = None
        self._pressed_at = None

    def say(self, event, **fields):
        mia.log(event, **fields)

    def lit(self, pin, value):
        self.say("led", value=value)

    def is_pressed(self):
        if self._press_ms is None:
            return False
        if self._pressed_at is None:
            self._pressed_at = self.clock.ticks()
        if self.clock.ticks() - self._pressed_at < self._press_ms:
            return True
        self._press_ms = self._pressed_at = None
        return False

    def free_flash(self):
        return 1 << 30 if self.flash is None else max(self.flash - _used("."), 0)

    async def obey(self, command):
        name, value = command["do"], command.get("value")
        if name == "advance":
            await self.clock.advance(value)
        elif name == "jump":
            self.clock.jump(value)
        elif name == "press":
            self._press_ms = value
        elif name == "wifi":
            self.wifi = False
            self.wifi_names = value
        elif name == "flash":
            self.flash = value
        else:
            raise ValueError(name)
        self.say("obeyed", number=command["number"], now=self.clock.now(), fed=self.fed)

    async def serve(self):
        """Do what the test says."""
        reader, _ = await asyncio.open_connection("127.0.0.1", OPTIONS["control"])
        while True:
            line = await reader.readline()
            if not line:
                raise SystemExit(0)
            await self.obey(json.loads(line))


class LimitedFile:
    """A file whose writes fail when the flash is full."""

    def __init__(self, host, file):
        self._host = host
        self._file = file

    def write(self, content):
        self._file.flush()
        if self._host.free_flash() < len(content):
            raise OSError(28)
        return self._file.write(content)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def close(self):
        self._file.close()


def _used(folder):
    """Return the bytes of the flash's files; recordings are no part of it."""
    total = 0
    for name in os.listdir(folder):
        found = os.stat(folder + "/" + name)
        if found[0] & 0x4000:
            total += 0 if name == "recordings" else _used(folder + "/" + name)
        else:
            total += found[6]
    return total


async def run():
    clock = HostClock()
    host = machine.host = network.host = neopixel.host = Host(clock)
    mia.free_flash = host.free_flash
    plain_open = open

    def limited_open(path, mode="r"):
        file = plain_open(path, mode)
        return LimitedFile(host, file) if host.flash is not None and mode[0] in "wa" else file

    mia.open = limited_open
    device = mia.Mia(mia.load_json("config.json", {}), clock)
    serving = asyncio.create_task(host.serve())
    running = asyncio.create_task(device.run())
    await asyncio.gather(serving, running)


os.chdir(sys.argv[1])
if "recordings" not in os.listdir():
    os.mkdir("recordings")
asyncio.run(run())
