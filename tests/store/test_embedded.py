"""The embedded PostgreSQL: passwords from the first start, atomic initdb, and a clean stop."""

import json
import multiprocessing
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import asyncpg
import pytest

from catflap.errors import OperatorMustAct
from catflap.store import embedded
from catflap.store.database import asyncpg_options
from catflap.store.embedded import EmbeddedServer
from catflap.store.migrate import create_database, migrate

pytestmark = pytest.mark.slow


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


async def test_every_role_needs_its_password_and_data_survives_a_restart(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    urls = server.start()
    await create_database(urls)
    await migrate(urls)
    rules = (data_dir / "postgres" / "pg_hba.conf").read_text()
    methods = {line.split()[-1] for line in rules.splitlines() if line.strip() and not line.startswith("#")}
    assert methods == {"scram-sha-256"}
    server.stop()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()

    again = EmbeddedServer(data_dir)
    connection = await asyncpg.connect(**asyncpg_options(again.start().app))
    assert await connection.fetchval("SELECT count(*) FROM app.users") == 0
    await connection.close()
    again.stop()


def test_secrets_are_for_their_owner_alone(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.start()
    server.stop()
    folder = data_dir / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_an_interrupted_beginning_is_begun_again(data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedServer(data_dir)
    server.start()
    server.stop()
    assert not half.exists()


def test_a_process_that_was_killed_does_not_keep_the_server_for_ever(data_dir: Path) -> None:
    first = EmbeddedServer(data_dir)
    first.start()
    pids = data_dir / "postgres" / ".handle_pids.json"
    # A process id that no process can have (proc(5): pid_max is at most 4,194,304).
    pids.write_text(json.dumps([*json.loads(pids.read_text()), 2**22 + 1]))
    second = EmbeddedServer(data_dir)
    second.start()
    second.stop()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_other_users_of_the_machine_are_not_in_our_way(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.start()
    server.stop()
    assert (data_dir / "postgres.lock").exists()


def test_an_unwritable_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorMustAct, match="CATFLAP_DATA_DIR"):
        EmbeddedServer(tmp_path / "file" / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL has a user of its own only beside root")
def test_others_pass_through_the_directory_of_root_and_cannot_list_it(data_dir: Path) -> None:
    above = data_dir.parent
    above.chmod(0o700)
    server = EmbeddedServer(data_dir)
    for _ in range(2):
        server.start()
        assert [stat.S_IMODE(one.stat().st_mode) for one in (above, data_dir)] == [0o711, 0o711]
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="others can't take a directory away")
def test_root_is_refused_for_a_database_of_another_user(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.start()
    server.stop()
    owner = (data_dir / "postgres").stat().st_uid
    os.chown(data_dir / "postgres", 54321, -1)
    with pytest.raises(OperatorMustAct) as refused:
        EmbeddedServer(data_dir).start()
    assert refused.value.code == "data_dir_of_another_user"
    assert (data_dir / "postgres").stat().st_uid == 54321
    os.chown(data_dir / "postgres", owner, -1)
    again = EmbeddedServer(data_dir)
    again.start()
    again.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a system user for PostgreSQL")
def test_two_first_starts_on_a_fresh_machine_share_the_new_system_user() -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(2)
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        starts = [
            spawn.Process(target=_first_start, args=(Path(folder) / name, together)) for name in ("a", "b")
        ]
        try:
            for start in starts:
                start.start()
            for start in starts:
                start.join()
            assert [start.exitcode for start in starts] == [0, 0]
        finally:
            subprocess.run(["userdel", "--remove", _NEW_USER], check=False, capture_output=True)


_NEW_USER = "catflaptest"


def _first_start(data_dir: Path, together: Barrier) -> None:
    embedded._SYSTEM_USER = _NEW_USER
    data_dir.mkdir()
    together.wait()
    EmbeddedServer(data_dir)._initialise("a password")
