"""The fixture `installed`: commands of the wheel, with nothing from the checkout."""

import subprocess
from pathlib import Path

import pytest

from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow

_WHERE = """
import catflap, catflap_client, google_sandbox, typer
for one in (catflap, catflap_client, google_sandbox): print(one.__file__)
"""


def test_all_three_are_imported_from_the_environment_alone(installed: InstalledWheel, tmp_path: Path) -> None:
    found = subprocess.run(
        [installed.python, "-c", _WHERE],
        cwd=tmp_path,
        env=installed.environment(),
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert all(Path(line).is_relative_to(installed.folder) for line in found.stdout.split())


def test_the_command_starts(installed: InstalledWheel, tmp_path: Path) -> None:
    ended = installed.run("serve", "--help", cwd=tmp_path)
    assert ended.returncode == 0 and "--port" in ended.stdout, ended.stderr
