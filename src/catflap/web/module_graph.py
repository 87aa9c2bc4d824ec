"""Which modules a browser needs before a script of ours can run, to fetch them at once and not one by one."""

import re
from functools import cache

from catflap.web.static_version import STATIC

# Imports at the start of a line; those inside of functions are for later.
_IMPORT = re.compile(r'^(?:import|export)\s[^"\';]*?from "(\.[^"]+)"|^import "(\.[^"]+)"', re.MULTILINE)


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """Return a module and all that it imports, as names below `static/`.

    Args:
        entry: Name of the module, such as `page/page.js`.
    """
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        file = STATIC / name
        for matched in _IMPORT.finditer(file.read_text("utf-8")):
            imported = (file.parent / (matched[1] or matched[2])).resolve()
            waiting.append(imported.relative_to(STATIC.resolve()).as_posix())
    return tuple(found)
