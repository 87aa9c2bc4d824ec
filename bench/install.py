"""`python -m bench.install`: the size of an installation, for the bare wheel and for each extra.

Builds the wheels of this repository, installs them with pip into an empty folder, and prints how many
distributions that takes and how many megabytes (of files, byte code left out). Versions are those of
requirements-dev.lock. Needs a package index; `--tree` measures another checkout.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_wheels(tree: Path, folder: Path) -> Path:
    """Build every distribution of a checkout into `folder`; return the wheel of Catflap itself."""
    sources = [tree, *(file.parent for file in sorted(tree.glob("packages/*/pyproject.toml")))]
    for source in sources:
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("catflap-*.whl")
    return wheel


def constraints(lock: Path, file: Path) -> Path:
    """Write the versions of a lock file to `file` as constraints, without their hashes."""
    lines = lock.read_text().splitlines()
    file.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line and not line[0].isspace()))
    return file


def install(requirement: str, wheels: Path, constrained: Path, site: Path) -> tuple[int, float]:
    """Install `requirement` into the empty folder `site`; return distributions and megabytes."""
    options = ("--no-compile", "--find-links", str(wheels), "--constraint", str(constrained))
    _pip("install", *options, "--target", str(site), requirement)
    files = (file for file in site.rglob("*") if file.is_file() and not file.is_symlink())
    return len(list(site.glob("*.dist-info"))), sum(file.stat().st_size for file in files) / 1e6


def extras(wheel: Path, folder: Path) -> list[str]:
    """The extras that a wheel declares."""
    _pip("install", "--no-deps", "--no-compile", "--target", str(folder), str(wheel))
    (info,) = folder.glob("catflap-*.dist-info")
    metadata: Distribution = PathDistribution(info)
    return sorted(metadata.metadata.get_all("Provides-Extra") or [])


def measure(tree: Path) -> Iterator[tuple[str, int, float]]:
    """The bare wheel and the wheel with each of its extras: name, distributions, megabytes."""
    with tempfile.TemporaryDirectory(prefix="catflap-install-") as name:
        folder = Path(name)
        wheels = folder / "wheels"
        wheel = build_wheels(tree, wheels)
        constrained = constraints(tree / "requirements-dev.lock", folder / "constraints.txt")
        for extra in ["", *extras(wheel, folder / "metadata")]:
            requirement = f"catflap[{extra}] @ {wheel.as_uri()}" if extra else str(wheel)
            yield extra, *install(requirement, wheels, constrained, folder / f"site-{extra or 'bare'}")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tree", type=Path, default=ROOT, help="The checkout to measure [this one].")
    print(f"{'pip install':<22}{'packages':>10}{'MB':>8}")
    for extra, packages, megabytes in measure(parser.parse_args().tree):
        print(f"{f'catflap[{extra}]' if extra else 'catflap':<22}{packages:>10}{megabytes:>8.0f}", flush=True)
