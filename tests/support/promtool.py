"""Prometheus' own checker, which Debian has in the package `prometheus`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# Where it must be there, its absence fails the tests.
_MUST_BE_THERE = "promtool" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", "")


def find_promtool() -> str:
    """Return the program; skip the test where there is none."""
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if found is None:
        assert not _MUST_BE_THERE, "promtool is missing"
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    return found


def promtool(*arguments: str | Path) -> str:
    """Run it, and return what it wrote; it must find nothing wrong."""
    done = subprocess.run(
        [find_promtool(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
