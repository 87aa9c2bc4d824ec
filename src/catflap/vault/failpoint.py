"""Failpoints: named points between the steps of refreshing, storing, revoking and rotating.

In production they do nothing. A test registers a function that ends the process or raises there, to show that
an interrupted operation can be finished or leaves no trace.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

_handlers: Final[list[Callable[[str], None]]] = []


def failpoint(name: str) -> None:
    """Call the handlers that tests have registered; does nothing in production."""
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
