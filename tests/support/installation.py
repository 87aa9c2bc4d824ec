"""A folder with a built wheel and the distributions it requires, and Python processes that see nothing else.

The required distributions are links to those installed here, so no package index is needed.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def required(name: str, extras: Iterable[str] = ()) -> set[str]:
    """The distributions that `name` with `extras` requires on this platform, directly and indirectly."""
    found = set()
    for needed in map(Requirement, distribution(name).requires or ()):
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            found |= {canonicalize_name(needed.name)} | required(needed.name, needed.extras)
    return found


class Installation:
    """A folder of importable packages.

    Args:
        folder: where it is made, and where its processes run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"

    def unpack(self, wheel: Path) -> None:
        """Unpack a wheel, without what it requires."""
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)

    def link(self, names: Iterable[str]) -> None:
        """Link the files of distributions installed here, one by one: namespace packages share folders."""
        for name in names:
            for file in distribution(name).files or ():
                if file.parts[0] != ".." and file.suffix != ".pyc":
                    installed = Path(str(file.locate())).resolve()
                    _link(installed, self.site / file)
                    # With its byte code; compiling all of them takes the first process many seconds.
                    if file.suffix == ".py" and (compiled := Path(cache_from_source(installed))).exists():
                        _link(compiled, Path(cache_from_source(self.site / file)))

    def command(self, code: str, *arguments: str) -> list[str]:
        """The command line of a Python that runs `code` with this folder and the standard library only."""
        only = f"import sys; sys.path.insert(0, {str(self.site)!r})\n{code}"
        return [sys.executable, "-I", "-S", "-c", only, *arguments]

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `code` to its end."""
        return subprocess.run(
            self.command(code, *arguments),
            cwd=self.folder,
            # Which engines tests use is nothing of an installation that may have none.
            env={name: value for name, value in os.environ.items() if name != "CATFLAP_VOICES"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def _link(file: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(file)
