"""Messages name the command that fits what has installed Catflap, with the extras that are there already."""

import json
import sys
from pathlib import Path

import pytest

from catflap.checks.catalogue import KINDS
from catflap.extras import missing_extra
from catflap.installer import install_command, uninstall_command
from catflap.speech.errors import NoVoice

_SOURCE = Path(__file__).parents[1] / "src" / "catflap"
_UV = """
[tool]
requirements = [{ name = "catflap", extras = ["demo"] }, { name = "httpx", extras = ["http2"] }]
entrypoints = [{ name = "catflap", install-path = "/home/mia/.local/bin/catflap", from = "catflap" }]
"""


def _pipx(main: str, **injected: str) -> str:
    others = {name: {"package": name, "package_or_url": spec} for name, spec in injected.items()}
    return json.dumps({"main_package": {"package_or_url": main}, "injected_packages": others})


@pytest.mark.parametrize(
    ("receipt", "text", "expected"),
    [
        ("", "", "pip install 'catflap[mqtt]'"),
        ("pipx_metadata.json", _pipx("catflap"), "pipx install --force 'catflap[mqtt]'"),
        ("pipx_metadata.json", _pipx("catflap[demo]"), "pipx install --force 'catflap[demo,mqtt]'"),
        (
            "pipx_metadata.json",
            _pipx("catflap[demo, mqtt]==1.0", catflap="catflap[speaker]", httpx="httpx[http2]"),
            "pipx install --force 'catflap[demo,mqtt,speaker]'",
        ),
        ("pipx_metadata.json", _pipx("git+https://example.com/cat"), "pipx install --force 'catflap[mqtt]'"),
        ("pipx_metadata.json", "[]", "pipx install --force 'catflap[mqtt]'"),
        ("pipx_metadata.json", "{", "pipx install --force 'catflap[mqtt]'"),
        ("uv-receipt.toml", _UV, "uv tool install --force 'catflap[demo,mqtt]'"),
        ("uv-receipt.toml", "[tool", "uv tool install --force 'catflap[mqtt]'"),
        ("uv-receipt.toml", "tool = 1", "uv tool install --force 'catflap[mqtt]'"),
    ],
)
def test_the_command_fits_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receipt: str, text: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if receipt:
        (tmp_path / receipt).write_text(text)
    assert install_command("mqtt") == expected
    error = missing_extra(ModuleNotFoundError(name="aiomqtt"))
    assert error.message == f"This needs the extra 'mqtt': {expected}"


@pytest.mark.parametrize(
    ("receipt", "again", "removed"),
    [
        ("", "pip install --force-reinstall 'catflap[mia]'", "pip uninstall catflap"),
        ("pipx_metadata.json", "pipx install --force 'catflap[mia]'", "pipx uninstall catflap"),
        (
            "uv-receipt.toml",
            "uv tool install --force --reinstall 'catflap[mia]'",
            "uv tool uninstall catflap",
        ),
    ],
)
def test_it_is_installed_again_and_removed_by_the_same_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receipt: str, again: str, removed: str
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if receipt:
        (tmp_path / receipt).touch()
    assert (install_command("mia", again=True), uninstall_command()) == (again, removed)


def test_several_extras_are_one_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert "pip install 'catflap[mia,english]'" in NoVoice("ja", "en").message


def test_no_message_has_a_command_of_its_own() -> None:
    files = [one for kind in ("*.py", "*.toml") for one in _SOURCE.rglob(kind)]
    assert len(files) > 400
    assert [str(one) for one in files if "install 'catflap[" in one.read_text()] == []
    assert "{install}" in KINDS["voice_missing"].remedy
