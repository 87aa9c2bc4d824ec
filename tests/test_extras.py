"""What is missing is named with the command that installs it where Catflap is."""

import sys

import pytest

from catflap.extras import missing_extra


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/mia/.local/share/pipx/venvs/catflap", "pipx inject catflap 'catflap[mqtt]'"),
        ("/opt/catflap", "pip install 'catflap[mqtt]'"),
    ],
)
def test_the_command_fits_the_environment(monkeypatch: pytest.MonkeyPatch, prefix: str, command: str) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    error = missing_extra(ModuleNotFoundError(name="aiomqtt"))
    assert error.message == f"This needs the extra 'mqtt': {command}"
