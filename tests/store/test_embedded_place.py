"""A data directory is used by the processes of one container only."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catflap.store import embedded_place
from catflap.store.embedded_place import Place


@pytest.fixture
def goto(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Go to the container of a number."""
    return lambda number: monkeypatch.setattr(embedded_place, "namespace", lambda: number)


def test_processes_of_one_container_share_a_directory_and_another_container_waits_for_all(
    tmp_path: Path, goto: Callable[[int], None]
) -> None:
    goto(1)
    server, command = Place(tmp_path), Place(tmp_path)
    assert server.enter() and server.enter() and command.enter()
    assert not server.is_used_elsewhere()
    goto(2)
    elsewhere = Place(tmp_path)
    assert elsewhere.is_used_elsewhere() and not elsewhere.enter()
    server.leave()
    assert not elsewhere.enter()
    command.leave()
    assert not elsewhere.is_used_elsewhere() and elsewhere.enter()
    assert [file.name for file in tmp_path.iterdir()] == ["postgres.lock.2"]
    goto(1)
    assert not server.enter()
    elsewhere.leave()
    elsewhere.leave()
    assert server.enter()
    server.leave()


def test_the_namespace_of_process_ids_has_a_number() -> None:
    assert embedded_place.namespace() == embedded_place.namespace() >= 0
