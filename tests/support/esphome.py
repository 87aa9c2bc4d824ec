"""ESPHome in an environment of its own, which `make esphome` installs."""

import os
import subprocess
from pathlib import Path

import pytest

_ESPHOME = Path(__file__).parents[2] / ".venv-esphome" / "bin" / "esphome"
# Where it must be there, its absence fails the tests.
_MUST_BE_THERE = "esphome" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", "")
needs_esphome = pytest.mark.skipif(
    not _MUST_BE_THERE and not _ESPHOME.exists(), reason="NO ESPHOME: `make esphome` installs it (180 MB)"
)


def esphome(*arguments: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Run it on a configuration; it writes beside that."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(file.parent), "NO_COLOR": "1"}
    command = [str(_ESPHOME), *arguments, file.name]
    return subprocess.run(
        command, cwd=file.parent, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
