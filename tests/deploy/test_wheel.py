"""The wheels have all that the packages need, and work in a virtual environment that has nothing else."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.wheel import ROOT, InstalledWheel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]
# As `MemoryDenyWriteExecute=yes` in deploy/catflap.service: PR_SET_MDWE, unknown to kernels before 6.3.
_PROTECTED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_DEMO = ("demo", "--once", "--json", "--now", "2026-11-24T06:00:00+00:00")
_PACKAGES = {
    "catflap": (ROOT, ["LICENSE", "NOTICE"]),
    "catflap_client": (ROOT / "packages" / "catflap-client", ["LICENSE"]),
    "google_sandbox": (ROOT / "packages" / "google-sandbox", ["LICENSE", "NOTICE"]),
}


def contents(wheel: Path) -> dict[str, int]:
    """The files of a wheel with their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: one.CRC for one in archive.infolist()}


def needed(package: str) -> set[str]:
    """The files below the folder of a package, and those that pyproject.toml takes in from elsewhere."""
    project = _PACKAGES[package][0]
    source = project / "src"
    files = {str(file.relative_to(source)) for file in (source / package).rglob("*") if file.is_file()}
    target = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    taken_in = target["wheel"].get("force-include", {}).values()
    return {name for name in files if not name.endswith(".pyc")} | set(taken_in)


@pytest.mark.parametrize("package", _PACKAGES)
def test_a_wheel_has_each_file_of_its_package_and_the_licences(
    installed: InstalledWheel, package: str
) -> None:
    found = contents(installed.wheel(package))
    metadata = {name for name in found if ".dist-info/" in name}
    assert found.keys() - metadata == needed(package)
    licences = [name.partition("/licenses/")[2] for name in metadata if "/licenses/" in name]
    assert sorted(licences) == _PACKAGES[package][1]


def test_what_is_no_python_is_found_by_kind(installed: InstalledWheel) -> None:
    """So that an empty folder in the checkout can't make the comparison above an empty one."""
    kinds = {Path(name).suffix for name in contents(installed.wheel("catflap"))}
    assert {".toml", ".html", ".js", ".css", ".svg", ".png", ".bin", ".yaml", ".typed"} <= kinds


def test_the_sdist_makes_the_same_wheel(installed: InstalledWheel, tmp_path: Path) -> None:
    python("-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path), cwd=ROOT)
    [sdist] = tmp_path.glob("catflap-*.tar.gz")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path))
    python("-m", "pip", "wheel", *offline, str(sdist), cwd=tmp_path)
    [wheel] = tmp_path.glob("catflap-*.whl")
    assert contents(wheel) == contents(installed.wheel("catflap"))


def python(*arguments: str, cwd: Path) -> None:
    subprocess.run([sys.executable, *arguments], cwd=cwd, check=True)


def test_the_command_and_the_module_say_the_version(installed: InstalledWheel, tmp_path: Path) -> None:
    expected = f"catflap {version('catflap')}\n"
    assert installed.run("--version", cwd=tmp_path).stdout == expected
    module = subprocess.run(
        [installed.python, "-m", "catflap", "--version"],
        cwd=tmp_path,
        env=installed.environment(),
        capture_output=True,
        text=True,
    )
    assert module.stdout == expected


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can enter until the end, when the tests run as root.

    Those of pytest can't be: each pytest that starts on this machine closes them to everybody else anew.
    """
    with tempfile.TemporaryDirectory(prefix="catflap-wheel-") as folder:
        yield Path(folder)


def test_the_demo_runs_from_the_wheels_in_an_empty_environment(
    installed: InstalledWheel, open_folder: Path
) -> None:
    environment = open_folder / "environment"
    python("-m", "venv", "--without-pip", str(environment), cwd=open_folder)
    python_here = str(environment / "bin" / "python")
    uv("--python", python_here, "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    # Nothing but our own wheels may be missing now.
    uv(
        "--python",
        python_here,
        "--no-index",
        "--find-links",
        str(installed.folder / "wheels"),
        "catflap[demo]",
    )
    elsewhere = open_folder / "elsewhere"
    elsewhere.mkdir()
    shown = subprocess.run(
        [sys.executable, "-c", _PROTECTED, environment / "bin" / "catflap", *_DEMO],
        cwd=elsewhere,
        env={name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP", "PYTHON"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    spoken = [line for line in map(json.loads, shown.stdout.splitlines()) if line["step"] == "spoken"]
    assert spoken
    assert [line["audio"] for line in spoken if not (elsewhere / line["audio"]).is_file()] == []


def uv(*arguments: str) -> None:
    """Install packages, from the index that pip here uses."""
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    environment = {"SSL_CERT_FILE": str(certificates)} if certificates.exists() else {}
    if index := os.environ.get("PIP_INDEX_URL"):
        environment["UV_INDEX_URL"] = index
    command = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", *arguments]
    subprocess.run(command, env={**environment, **os.environ}, check=True)
