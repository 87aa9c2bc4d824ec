"""The built wheels in a virtual environment, as `pipx install` leaves them: the checkout stays unseen.

What the wheels require is borrowed from the environment of the tests, so no package index is needed.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from fasteners import InterProcessLock

ROOT = Path(__file__).parents[2]
_PROJECTS = (ROOT, ROOT / "packages" / "catflap-client", ROOT / "packages" / "google-sandbox")


@dataclass(frozen=True)
class InstalledWheel:
    """A virtual environment with the distributions of this repository, built and installed.

    Attributes:
        folder: of the environment; `folder / "wheels"` has the wheels.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    @property
    def catflap(self) -> Path:
        """The command `catflap`."""
        return self.folder / "bin" / "catflap"

    def wheel(self, name: str) -> Path:
        """The wheel of a distribution, such as `catflap_client`."""
        (found,) = (self.folder / "wheels").glob(f"{name}-*.whl")
        return found

    def environment(self, **variables: str) -> dict[str, str]:
        """The environment for its processes: that of the tests, without a way to import the checkout."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**kept, **variables}

    def run(
        self, *arguments: str, cwd: Path, seconds: float = 60, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `catflap` with `arguments` to its end in the folder `cwd`."""
        return subprocess.run(
            [self.catflap, *arguments],
            cwd=cwd,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )


def install_wheels(folder: Path) -> InstalledWheel:
    """Build the wheels and install them in `folder`, once for all processes that ask for the same folder."""
    with InterProcessLock(folder.with_suffix(".lock")):
        made = InstalledWheel(folder)
        if not made.catflap.exists():
            _install(made)
    return made


def _install(made: InstalledWheel) -> None:
    venv.create(made.folder, symlinks=True, with_pip=False)
    wheels = made.folder / "wheels"
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(wheels), *map(str, _PROJECTS))
    _pip("--python", str(made.python), "install", "--no-index", *map(str, sorted(wheels.glob("*.whl"))))
    borrowed = sysconfig.get_path("purelib", vars={"base": str(made.folder)})
    # A path in a .pth file is appended, and no .pth file below it is read: editable installs stay out of it.
    (Path(borrowed) / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*command, *arguments, "--no-deps"], check=True)
