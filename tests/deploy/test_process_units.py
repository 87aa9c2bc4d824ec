"""The units and the proxy of `deploy/processes` fit what the processes do."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from catflap.cli.runner import seconds_to_end
from catflap.settings import Settings
from tests.support.doc_blocks import ROOT

FOLDER = ROOT / "deploy" / "processes"


@pytest.mark.parametrize(("unit", "graces"), [("catflap-serve@.service", 2), ("catflap-work@.service", 1)])
def test_systemd_waits_until_a_process_has_ended_by_itself(unit: str, graces: int) -> None:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(FOLDER / unit)
    service = parsed["Service"]
    name, _, drain = service.get("Environment", "=0").partition("=")
    assert name in ("CATFLAP_DRAIN_SECONDS", "")
    settings = Settings.read(database_url="postgresql://elsewhere/catflap", drain_seconds=float(drain))
    assert float(service["TimeoutStopSec"]) > settings.drain_seconds + seconds_to_end(settings, graces)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
@pytest.mark.parametrize("unit", ["catflap-serve@.service", "catflap-work@.service"])
def test_systemd_reads_the_units(unit: str, tmp_path: Path) -> None:
    made = tmp_path / unit.replace("@", "@8401")
    # The command is not installed here.
    made.write_text((FOLDER / unit).read_text().replace("/opt/catflap/bin/catflap", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(made)], capture_output=True, text=True, timeout=60
    )
    assert unit.partition("@")[0] not in done.stderr, done.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Caddy")
def test_caddy_reads_its_file() -> None:
    command = ["caddy", "adapt", "--adapter", "caddyfile", "--config", str(FOLDER / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"uri":"/readyz"' in done.stdout
