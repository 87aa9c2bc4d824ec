"""Which containers use a data directory.

PostgreSQL and its wheel know each other's processes by ids, which mean nothing in another container. There
they would take the server for dead, and start a second one on the same files, which damages the database. So
each process that uses the directory holds a shared lock on a file named after its namespace of process ids.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

_NAME = "postgres.lock"


class Place:
    """The use of one data directory by this process."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._held: int | None = None

    def enter(self) -> bool:
        """Note that this process uses the directory, unless another container does; return whether it may.

        Needs the lock of the directory.
        """
        if self.is_used_elsewhere():
            return False
        for left in self._of_others():
            left.unlink(missing_ok=True)
        if self._held is None:
            self._held = os.open(self._own(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # Where the file system has no such locks, other containers are not noticed.
            with suppress(OSError):
                fcntl.flock(self._held, fcntl.LOCK_SH)
        return True

    def leave(self) -> None:
        """Note that this process no longer uses it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def is_used_elsewhere(self) -> bool:
        """Return whether a process of another container uses it."""
        return any(map(_is_held, self._of_others()))

    def _own(self) -> Path:
        return self._data_dir / f"{_NAME}.{namespace()}"

    def _of_others(self) -> list[Path]:
        own = self._own()
        return [file for file in self._data_dir.glob(f"{_NAME}.[0-9]*") if file != own]


def namespace() -> int:
    """Return the id of the namespace of our process ids; 0 where there are none."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _is_held(file: Path) -> bool:
    try:
        found = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(found)
    return False
