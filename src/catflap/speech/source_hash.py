"""A hash of the source files that make texts, so that a release which changes only code is noticed."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

_SUFFIXES = (".py", ".toml")


def source_hash(folder: Traversable | None = None) -> str:
    """Return a hash of the modules and word lists of this package, without those of its engines.

    Without source files, as in a frozen program, it is the same for all versions.

    Args:
        folder: Where they are; this package unless given.
    """
    folder = folder or files("catflap.speech")
    found = hashlib.sha256()
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(_SUFFIXES):
            content = file.read_bytes()
            found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.hexdigest()
