"""Shell completion: of commands without importing one, of options, in each shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catflap.cli import COMMANDS
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow
# What bash does when the user presses the tabulator key: call the function that was registered.
_TABULATOR = """
PATH={bin}:$PATH
source <(catflap --show-completion)
COMP_WORDS=({words}) COMP_CWORD={index}
$(complete -p catflap | sed 's/.*-F \\([^ ]*\\) .*/\\1/') catflap
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def tabulator(installed: InstalledWheel, folder: Path, words: list[str]) -> list[str]:
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in ["catflap", *words])
    script = _TABULATOR.format(bin=installed.folder / "bin", words=quoted, index=len(words))
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env=installed.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["de"], ["demo", "device"]),
        (["--v"], ["--version"]),
        (["serve", "--p"], ["--port"]),
        (["device", "m"], ["mosquitto"]),
        (["keys", "ro"], ["rotate"]),
        (["unknown"], []),
    ],
    ids=" ".join,
)
def test_bash_completes(
    installed: InstalledWheel, tmp_path: Path, words: list[str], offered: list[str]
) -> None:
    assert tabulator(installed, tmp_path, words) == offered


@pytest.mark.parametrize(
    ("shell", "variables"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "catflap "}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "catflap ", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_other_shells_are_offered_all_commands_with_what_they_do(
    installed: InstalledWheel, tmp_path: Path, shell: str, variables: dict[str, str]
) -> None:
    asked = installed.run(cwd=tmp_path, _CATFLAP_COMPLETE=f"complete_{shell}", **variables)
    assert [name for name in COMMANDS if name not in asked.stdout] == []
    assert "Everything offline, with a local Google" in asked.stdout


def test_completing_a_command_imports_none() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", Path(sys.executable).with_name("catflap")],
        env={**os.environ, "_CATFLAP_COMPLETE": "complete_bash", "COMP_WORDS": "catflap ", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == list(COMMANDS)
    assert [one.module for one in COMMANDS.values() if one.module in done.stderr.split()] == []


def test_the_script_is_installed_for_a_shell(installed: InstalledWheel, tmp_path: Path) -> None:
    command = f"{installed.catflap} --install-completion; true"
    environment = installed.environment(HOME=str(tmp_path))
    subprocess.run(["bash", "--norc", "-c", command], env=environment, check=True, capture_output=True)
    script = tmp_path / ".bash_completions" / "catflap.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    assert "_CATFLAP_COMPLETE=complete_bash" in script.read_text()
