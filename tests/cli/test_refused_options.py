"""A value that is refused is named as the person gave it: by the option, or by the variable."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import run_command

pytestmark = pytest.mark.slow  # starts a process for each case

OPTIONS = {
    "serve": ("serve", "--no-check", "--port"),
    "work": ("work", "--health-port"),
    "doctor": ("doctor", "--port"),
    "demo": ("demo", "--port"),
    "the sandbox of demo": ("demo", "--sandbox-port"),
    "sandbox": ("sandbox", "--port"),
    "signin": ("signin", "--no-browser", "--port"),
    "wyoming": ("wyoming", "--port"),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_an_option_is_named_as_it_was_typed(command: str, tmp_path: Path) -> None:
    done = _run(tmp_path, *OPTIONS[command], "99999")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert OPTIONS[command][-1] in said and "CATFLAP_" not in said and "Traceback" not in said, said


@pytest.mark.parametrize(
    ("command", "variable"),
    [("serve", "CATFLAP_PORT"), ("work", "CATFLAP_HEALTH_PORT"), ("doctor", "CATFLAP_PORT")],
)
def test_a_variable_is_named_where_no_option_was_typed(command: str, variable: str, tmp_path: Path) -> None:
    done = _run(tmp_path, command, **{variable: "99999"})
    assert f"{variable}: Input should be less than or equal to 65535" in done.stdout + done.stderr


def _run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **settings}
    return run_command(*arguments, cwd=folder, environment=environment)
