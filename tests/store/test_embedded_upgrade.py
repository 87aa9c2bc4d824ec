"""When a directory of another version of PostgreSQL is not upgraded: nothing is changed, and why is said."""

import json
import os
import shutil
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from catflap.errors import OperatorMustAct
from catflap.store import embedded_upgrade
from catflap.store.embedded import EmbeddedServer

pytestmark = pytest.mark.slow

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


def _says(data_dir: Path, version: str) -> None:
    (data_dir / "postgres").mkdir(parents=True, exist_ok=True)
    (data_dir / "postgres" / "PG_VERSION").write_text(f"{version}\n")


def _refusal(data_dir: Path) -> OperatorMustAct:
    with pytest.raises(OperatorMustAct) as refused:
        EmbeddedServer(data_dir).start()
    return refused.value


@pytest.mark.parametrize("version", ["9", "99"])
def test_a_version_that_is_not_in_the_wheel(data_dir: Path, version: str) -> None:
    _says(data_dir, version)
    refused = _refusal(data_dir)
    assert refused.code == "postgres_version_unsupported" and f"PostgreSQL {version};" in refused.message


def test_too_little_room_for_a_copy(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _says(data_dir, "16")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, embedded_upgrade._ROOM - 1))
    refused = _refusal(data_dir)
    assert refused.code == "disk_full" and "149 MB are free" in refused.message
    assert not (data_dir / "postgres.upgrade").exists()


def test_a_copy_gets_in_place_only_when_it_is_complete(data_dir: Path) -> None:
    # The upgrade was interrupted, and somebody has put the directory aside.
    for name in ("postgres.upgrade", "postgres.16"):
        (data_dir / name).mkdir(parents=True)
    assert not EmbeddedServer(data_dir).exists()
    (data_dir / "postgres.upgraded").mkdir()
    assert EmbeddedServer(data_dir).exists()


def test_only_what_an_upgrade_has_kept_is_removed(data_dir: Path) -> None:
    _says(data_dir, str(embedded_upgrade.TARGET_POSTGRES_VERSION))
    for name in ("postgres.16", "postgres.16-2", "postgres.2026-11-01"):
        (data_dir / name).mkdir()
        os.utime(data_dir / name, (0, 0))
    embedded_upgrade.DirectoryUpgrade(data_dir, lambda *_: None).run("", may_upgrade=True)
    assert {entry.name for entry in data_dir.iterdir()} == {"postgres", "postgres.2026-11-01"}


@pytest.mark.parametrize(("program", "is_left"), [("pg_upgrade", True), ("du", False)])
def test_only_programs_of_an_upgrade_are_killed_for_it(data_dir: Path, program: str, is_left: bool) -> None:
    upgrade = embedded_upgrade.DirectoryUpgrade(data_dir, lambda *_: None)
    process = SimpleNamespace(
        info={"name": program, "cmdline": [program, str(data_dir / "postgres.upgrade")]}
    )
    assert upgrade._is_left(process) == is_left  # type: ignore[arg-type]


def test_a_server_that_another_process_uses(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.start()
    assert not server.is_used()
    present = (data_dir / "postgres" / "PG_VERSION").read_text().strip()
    pids = data_dir / "postgres" / ".handle_pids.json"
    pids.write_text(json.dumps([os.getpid(), os.getppid()]))
    try:
        assert server.is_used()
        _says(data_dir, "16")
        assert _refusal(data_dir).code == "postgres_in_use"
    finally:
        _says(data_dir, present)
        pids.write_text(json.dumps([os.getpid()]))
        server.stop()
