"""The version of the static files, part of their addresses, so that browsers keep them for ever."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
_PREFIX = re.compile(r"v-[0-9a-f]{12}/")


@cache
def prefix() -> str:
    """Return the first part of the present addresses below `static/`: a hash of all files."""
    found = hashlib.sha256()
    for file in sorted(one for one in STATIC.rglob("*") if one.is_file()):
        found.update(str(file.relative_to(STATIC)).encode() + b"\0")
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return f"v-{found.hexdigest()[:12]}/"


def without_prefix(name: str) -> tuple[str, bool]:
    """Return the name of a file, and whether its address had the present version.

    A page that is still open after an upgrade asks for modules of an earlier version, and gets the present.
    """
    matched = _PREFIX.match(name)
    if matched is None:
        return name, False
    return name[matched.end() :], matched[0] == prefix()
