"""Failpoints: named points between the steps of refreshing, storing, revoking and rotating.

In production they do nothing. A test has a function called there that ends the process or raises, to show
that what is left can be finished or has left no trace.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

_handlers: Final[list[Callable[[str], None]]] = []


def failpoint(name: str) -> None:
    """Pass a point; it does nothing outside of tests."""
    for handler in _handlers:
        handler(name)


@contextlib.contextmanager
def failpoints(handler: Callable[[str], None]) -> Iterator[None]:
    """Call `handler` with the name of each point that this process passes while the context is open."""
    _handlers.append(handler)
    try:
        yield
    finally:
        _handlers.remove(handler)
