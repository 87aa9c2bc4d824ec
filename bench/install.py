"""The size of an installation, for each wheel and each of its extras.

Builds the wheels of this repository, installs them with pip into an empty folder, and returns how many
distributions that takes and how many megabytes (of files, byte code left out). Versions are those of
requirements-dev.lock. Needs a package index.
"""

import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

from bench.records import ROOT, Rows


def build_wheels(folder: Path) -> list[Path]:
    """Build every distribution of this repository into `folder`; return their wheels."""
    sources = [ROOT, *(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))]
    for source in sources:
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    return sorted(folder.glob("*.whl"))


def constraints(file: Path) -> Path:
    """Write the versions of requirements-dev.lock to `file` as constraints, without their hashes."""
    lines = (ROOT / "requirements-dev.lock").read_text().splitlines()
    file.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line and not line[0].isspace()))
    return file


def install(requirement: str, wheels: Path, constrained: Path, site: Path) -> tuple[int, float]:
    """Install `requirement` into the empty folder `site`; return distributions and megabytes."""
    options = ("--no-compile", "--find-links", str(wheels), "--constraint", str(constrained))
    _pip("install", *options, "--target", str(site), requirement)
    files = (file for file in site.rglob("*") if file.is_file() and not file.is_symlink())
    return len(list(site.glob("*.dist-info"))), sum(file.stat().st_size for file in files) / 1e6


def names(wheel: Path) -> list[str]:
    """What can be installed of a wheel: its name, and its name with each extra."""
    with zipfile.ZipFile(wheel) as archive:
        (file,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(file))
    name = metadata["Name"]
    return [name, *(f"{name}[{extra}]" for extra in sorted(metadata.get_all("Provides-Extra") or []))]


def measure() -> Rows:
    """Return distributions and megabytes of each wheel alone and with each of its extras."""
    rows: Rows = {}
    with tempfile.TemporaryDirectory(prefix="catflap-install-") as temporary:
        folder = Path(temporary)
        wheels = folder / "wheels"
        built = build_wheels(wheels)
        constrained = constraints(folder / "constraints.txt")
        for wheel in built:
            for name in names(wheel):
                site = folder / name
                packages, megabytes = install(f"{name} @ {wheel.as_uri()}", wheels, constrained, site)
                rows |= {f"{name}: packages": packages, f"{name}: size, MB": round(megabytes)}
    return rows


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
