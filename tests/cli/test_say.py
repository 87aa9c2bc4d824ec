"""`catflap say` plays on this machine, or writes the format that the name of a file says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from catflap.player.programs import play

pytestmark = pytest.mark.slow


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs programs in a PATH of their own, where there are no others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name: str, script: str) -> None:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


async def test_the_first_player_that_works_plays_the_file(
    player: Callable[[str, str], None], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    player("pw-play", "exit 1")
    player("paplay", f'echo "paplay $@" > {log}')
    player("aplay", f'echo "aplay $@" > {log}')
    assert await play(tmp_path / "mia.wav", 1.0)
    assert log.read_text() == f"paplay {tmp_path / 'mia.wav'}\n"


async def test_without_a_player_nothing_is_played(player: Callable[[str, str], None], tmp_path: Path) -> None:
    assert not await play(tmp_path / "mia.wav", 1.0)
    player("aplay", "exit 1")
    assert not await play(tmp_path / "mia.wav", 1.0)
    (tmp_path / "bin" / "paplay").write_text("not a program")
    (tmp_path / "bin" / "paplay").chmod(0o755)
    assert not await play(tmp_path / "mia.wav", 1.0)


async def test_a_player_that_hangs_is_ended(
    player: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.player.programs._PATIENCE", 0.2)
    pid = tmp_path / "pid"
    player("pw-play", f"echo $$ > {pid}; exec /bin/sleep 600")
    player("aplay", "exit 0")
    assert await play(tmp_path / "mia.wav", 0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
