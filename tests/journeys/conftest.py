"""Run the command line as a process, with real sockets and signals."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import interrupt, run_command
from tests.support.voices import quick_voices

SHARED_CALENDARS = Path(__file__).resolve().parents[3] / "shared" / "data" / "calendars"
OWN_CALENDARS = Path(__file__).parent / "calendars"
# Nothing of who runs the tests, and the quick voices.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP_", "GOOGLE_"))},
    "CATFLAP_VOICES": quick_voices(),
}


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str
    process: subprocess.Popen[str]


@pytest.fixture
def demo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Demo]:
    """`catflap demo`, running in its own directory on free ports; its parameter is CATFLAP_VOICES."""
    voices = getattr(request, "param", quick_voices())
    ports = ("--port", "0", "--sandbox-port", "0")
    with start("demo", *ports, cwd=tmp_path, CATFLAP_VOICES=voices) as process:
        assert process.stdout is not None
        yield Demo(process.stdout.readline().strip(), process)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory outside pytest's folder: as root, the next session shuts that to PostgreSQL's user."""
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


@contextlib.contextmanager
def start(*arguments: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start `catflap` with arguments; send SIGINT at the end."""
    command = [sys.executable, "-m", "catflap.cli", *arguments]
    with (cwd / "stderr").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            interrupt(process)


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `catflap` with arguments until it ends."""
    return run_command(*arguments, cwd=cwd, environment={**ENVIRONMENT, **environment})


def json_lines(text: str) -> list[dict[str, Any]]:
    """Parse the standard output of `--json`, which is one JSON object per line."""
    return [json.loads(line) for line in text.splitlines()]
