"""Stands in for `micropython` where there is none: Viper functions run as plain Python."""

import builtins


def viper(function):
    return function


def _pointer(code):
    return lambda buffer: memoryview(buffer).cast("B").cast(code)


builtins.ptr8 = _pointer("B")
builtins.ptr16 = lambda buffer: memoryview(buffer).cast("B")[: len(buffer) & ~1].cast("H")
