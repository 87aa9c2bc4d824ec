"""Stands in for MicroPython's `neopixel`: tells what the ring shows."""

host = None


class NeoPixel:
    def __init__(self, pin, count):
        self._pixels = [(0, 0, 0)] * count

    def __len__(self):
        return len(self._pixels)

    def __setitem__(self, at, colour):
        self._pixels[at] = colour

    def write(self):
        host.say("ring", pixels=self._pixels)
