"""Keep garbage collections short in commands that run for long.

CPython's full collection visits every container object. With all that Catflap imports it takes 100 to 300 ms,
while which no request is answered. What exists when a command has started lives until the process ends, so it
is moved to the permanent generation, which collections leave out (`gc.freeze`). Later garbage is collected.
"""

import gc
from importlib import import_module
from typing import Any


def load_module(name: str) -> Any:
    """Import a module without collections meanwhile, and exclude it from later ones."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def exclude_started() -> None:
    """Collect the garbage of a command's start, and exclude what remains from later collections."""
    gc.collect()
    gc.freeze()
