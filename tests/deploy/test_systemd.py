"""The systemd unit: systemd reads it, and rates how much the service could do as little."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from catflap.errors import OperatorMustAct, exit_code
from catflap.settings import Settings
from tests.support.wheel import ROOT

_UNIT = ROOT / "deploy" / "catflap.service"
_ANALYZE = shutil.which("systemd-analyze")
_MUST_BE_THERE = "systemd" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", "")
pytestmark = pytest.mark.skipif(
    _ANALYZE is None and not _MUST_BE_THERE,
    reason="systemd-analyze is missing (on Debian: apt install systemd)",
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert _ANALYZE
    return subprocess.run([_ANALYZE, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A copy of the unit whose command exists."""
    text = _UNIT.read_text()
    assert "ExecStart=/opt/catflap/bin/catflap serve\n" in text
    copy = tmp_path / _UNIT.name
    copy.write_text(text.replace("/opt/catflap/bin/catflap", "/bin/true"))
    return copy


def test_systemd_understands_the_whole_unit(unit: Path) -> None:
    verified = analyze("verify", "--man=no", str(unit))
    # It warns of unknown names and values, and goes on.
    about_it = [line for line in verified.stderr.splitlines() if "catflap" in line]
    assert (verified.returncode, about_it) == (0, [])


def test_a_misspelt_directive_is_noticed(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("PrivateTmp=", "PrivateTemp="))
    assert "PrivateTemp" in analyze("verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize("service", sorted((ROOT / "deploy").rglob("*.service")), ids=lambda file: file.name)
def test_systemd_rates_the_exposure_as_low(service: Path) -> None:
    rated = analyze("security", "--offline=true", "--threshold=20", "--no-pager", str(service))
    assert rated.returncode == 0, rated.stdout


def directives() -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", _UNIT.read_text(), re.MULTILINE))


def test_stopping_waits_as_long_as_catflap_may_take() -> None:
    # docs/processes.md says why.
    may_take = (
        Settings.model_fields["drain_seconds"].default
        + 2 * Settings.model_fields["grace_seconds"].default
        + 15
    )
    assert float(directives()["TimeoutStopSec"]) >= may_take


def test_what_the_operator_must_mend_is_not_started_again() -> None:
    status = directives()["RestartPreventExitStatus"]
    assert int(status) == exit_code(OperatorMustAct("settings_invalid", ""))


def test_the_commands_of_the_page_make_what_the_unit_reads() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    unit = directives()
    program = unit["ExecStart"].partition("/bin/")[0]
    assert f"python3 -m venv {program}\n" in page
    for file in (unit["EnvironmentFile"].lstrip("-"), unit["LoadCredential"].partition(":")[2]):
        assert re.search(rf"^install -D --mode=600 \S+ {file}$", page, re.MULTILINE)
    assert f"`/var/lib/{unit['StateDirectory']}`" in page
    assert f"install --mode=644 deploy/{_UNIT.name} /etc/systemd/system/\n" in page
    assert "install --mode=755 deploy/catflap-run /usr/local/bin/\n" in page


def test_commands_of_the_operator_run_with_the_user_the_settings_and_the_data_of_the_unit(
    tmp_path: Path,
) -> None:
    fake = tmp_path / "systemd-run"
    fake.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    called = subprocess.run(
        [ROOT / "deploy" / "catflap-run", "apikeys", "create", "a shop"],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.splitlines()
    unit = directives()
    assert called[-4:] == [unit["ExecStart"].split()[0], "apikeys", "create", "a shop"]
    given = dict(one.split("=", 1) for one in called if one.startswith("--") and "=" in one)
    properties = dict(one.removeprefix("--property=").split("=", 1) for one in called if "--property" in one)
    same = ["DynamicUser", "User", "UMask", "StateDirectory", "StateDirectoryMode", "WorkingDirectory"]
    same += ["EnvironmentFile", "LoadCredential"]
    assert properties == {name: unit[name].replace("%S", "/var/lib") for name in same}
    variables = [one.removeprefix("--setenv=") for one in called if "--setenv" in one]
    credentials = f"/run/credentials/{given['--unit']}.service"
    expected = unit["Environment"].replace("%S", "/var/lib").replace("%d", credentials)
    assert sorted(variables) == sorted(expected.split())
