"""What `catflap uninstall` deletes on a machine, and what it leaves alone."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from catflap.cli import uninstall
from catflap.cli.removing import remove_data
from catflap.errors import BadRequest
from catflap.settings import Settings


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def left(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_everything_of_ours_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    ours = ("postgres/PG_VERSION", "postgres.16/PG_VERSION", "postgres.18-2/x", "postgres.upgraded/x")
    made(tmp_path, *ours, "postgres.lock", "secrets/postgres.json", "secrets/vault-keyset.json")
    made(tmp_path, "device/state.json", "secrets/.keyset-0a1b", "secrets/vault-keyset.new")
    theirs = {"postgres.2026-11-01/x", "postgresql.conf", "secrets/password-of-another", "notes"}
    made(tmp_path, *theirs)
    assert [path.name for path in remove_data(tmp_path)] == [
        "notes",
        "postgres.2026-11-01",
        "postgresql.conf",
        "secrets",
    ]
    assert left(tmp_path) == theirs


def test_the_database_of_another_program_stays(tmp_path: Path) -> None:
    """Beside a PostgreSQL of one's own we have a keyset there, and no passwords."""
    made(tmp_path, "postgres/PG_VERSION", "secrets/vault-keyset.json")
    remove_data(tmp_path)
    assert left(tmp_path) == {"postgres/PG_VERSION"}


def test_with_nothing_else_the_folder_goes_too(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made(folder, "postgres/PG_VERSION", "secrets/postgres.json")
    assert (remove_data(folder), folder.exists()) == ([], False)


async def test_a_process_that_started_during_the_question_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "postgres/PG_VERSION", "secrets/postgres.json")
    running = SimpleNamespace(is_used=lambda: True, end=lambda: None)
    monkeypatch.setattr(uninstall, "_embedded", lambda _: running)
    with pytest.raises(BadRequest, match="catflap_runs"):
        await uninstall._delete(Settings(data_dir=tmp_path), revoked=True)
    assert left(tmp_path) == {"postgres/PG_VERSION", "secrets/postgres.json"}
