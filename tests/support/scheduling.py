"""Distribute tests over workers: modules that share something costly are a group, and run in one worker.

`--dist loadgroup` of pytest-xdist 3.8 has no effect with pytest 9.2, whose items lack the field it writes:
https://github.com/pytest-dev/pytest-xdist/issues/1386
"""

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

_GROUP = re.compile(r'pytest\.mark\.xdist_group\("(\w+)"\)')
_ROOT = Path(__file__).parents[2]


class GroupScheduling(LoadScopeScheduling):
    """Sends a group to one worker, the largest group first, and then test by test."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0]) or nodeid


@functools.cache
def group_of(module: str) -> str | None:
    """Return the group that the marks of a test module name; None for a module of no group."""
    found = _GROUP.search((_ROOT / module).read_text())
    return None if found is None else found.group(1)
