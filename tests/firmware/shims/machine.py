"""Stands in for MicroPython's `machine`: pins that a test presses, an I2S that records WAV files."""

import os
import struct

host = None  # The running `Host`, which knows the time and what a test pressed.


def reset():
    host.say("reset")
    raise SystemExit(3)


class Pin:
    IN, OUT, PULL_UP = 0, 1, 2

    def __init__(self, number, mode=IN, pull=None):
        self.number = number
        self._mode = mode
        self._value = 0 if mode == self.OUT else 1

    def value(self, *new):
        if new:
            if self._value != new[0]:
                self._value = new[0]
                host.lit(self.number, new[0])
            return None
        return 0 if self._mode == self.IN and host.is_pressed() else self._value


class WDT:
    def __init__(self, timeout):
        host.say("watchdog", timeout=timeout)

    def feed(self):
        host.fed += 1


class I2S:
    """Writes what it is sent to `recordings/<number>.wav`, and tells when the first sample came."""

    TX, MONO = 1, 2

    def __init__(self, number, *, sck, ws, sd, mode, bits, format, rate, ibuf):
        assert (mode, bits, format) == (self.TX, 16, self.MONO)
        self._rate = rate
        self._began = None
        self._size = 0
        self._file = None

    def write(self, samples):
        if self._file is None:
            self._began = host.clock.now()
            self._name = "recordings/%03d.wav" % len(os.listdir("recordings"))
            self._file = open(self._name, "wb")
            self._file.write(bytes(44))
        self._file.write(samples)
        self._size += len(samples)
        return len(samples)

    def deinit(self):
        if self._file is None:
            return
        self._file.seek(0)
        form = struct.pack(
            "<4sI4s4sIHHIIHH",
            b"RIFF",
            36 + self._size,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            self._rate,
            2 * self._rate,
            2,
            16,
        )
        self._file.write(form + struct.pack("<4sI", b"data", self._size))
        self._file.close()
        self._file = None
        host.say("recorded", file=self._name, at=self._began)
