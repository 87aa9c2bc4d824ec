"""The image of deploy/Dockerfile, built by buildah on a Debian made here: no image registry is asked.

That needs root and a Debian mirror; the build takes Python packages from the index that pip here uses.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.wheel import ROOT

_BASE, _IMAGE, _ADD_ON = (f"localhost/catflap-{name}" for name in ("base", "test", "add-on"))
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# What deploy/Dockerfile says that its base has, beside Debian's essential packages.
_PACKAGES = ("ca-certificates", "libstdc++6", "python3", "python3-venv", "tzdata")
_INDEX = ("PIP_INDEX_URL", "UV_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
_DEBIAN = (
    "mmdebstrap",
    "--variant=essential",
    f"--include={','.join(_PACKAGES)}",
    "--format=directory",
    "--mode=root",
    "--quiet",
    # The folder that buildah mounts has a folder for its own purposes in it.
    "--skip=check/empty",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Sandbox::User "root"',
    "--dpkgopt=force-unsafe-io",
    # No path is excluded: that filters each package in Perl, which takes longer than all else here.
    "bookworm",
)


def need_buildah() -> None:
    """Skip with a word where no image can be built; fail where that must not be skipped."""
    missing = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if os.geteuid() == 0 and not missing:
        return
    word = (
        f"NO IMAGE IS BUILT FROM deploy/Dockerfile: {' and '.join(missing) or 'root'} is missing "
        "(as root, on Debian: apt install buildah mmdebstrap)"
    )
    if "buildah" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", ""):
        pytest.fail(word)
    pytest.skip(word)


@dataclass(frozen=True)
class Image:
    """A built image, and one container of it.

    Attributes:
        mounted: the root of the container's files.
        config: what a container of the image starts with.
    """

    mounted: Path
    config: dict[str, Any]
    _buildah: "_Buildah"
    _container: str

    def run(self, *command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as the image's user and with its environment."""
        chroot = ("run", "--isolation", "chroot", self._container, "--")
        return self._buildah.ask(*chroot, *command, seconds=seconds)

    def add_on(self) -> "Image":
        """Build the Home Assistant add-on on this image."""
        folder = "deploy/home-assistant"
        return _build(self._buildah, f"{folder}/Dockerfile", folder, _ADD_ON, {"BUILD_FROM": _IMAGE})


@contextmanager
def built_image() -> Iterator[Image]:
    """Build the image; its files are removed at the end."""
    folder = tempfile.mkdtemp(prefix="catflap-image-")
    buildah = _Buildah(Path(folder))
    try:
        _make_base(buildah)
        arguments = {"BASE": _BASE, "VERSION": "0.0.test"}
        yield _build(buildah, "deploy/Dockerfile", ".", _IMAGE, arguments)
    finally:
        buildah.unmount_all()
        # 100,000 files, which take Python's rmtree several times as long.
        subprocess.run(["rm", "-rf", folder], check=True)


def _build(buildah: "_Buildah", file: str, context: str, name: str, arguments: dict[str, str]) -> Image:
    given = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    fixed = ("--quiet", "--isolation", "chroot", "--format", "docker", "--timestamp", "0")
    buildah("bud", *fixed, *given, "--file", file, "--tag", name, context)
    container = buildah("from", name)
    config = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]
    return Image(Path(buildah("mount", container)), config, buildah, container)


def _make_base(buildah: "_Buildah") -> None:
    container = buildah("from", "scratch")
    mounted = buildah("mount", container)
    subprocess.run([*_DEBIAN, mounted], check=True, stdin=subprocess.DEVNULL, timeout=600)
    buildah("umount", container)
    # A proxy to the outside may have an authority of its own.
    buildah("copy", container, _CERTIFICATES, _CERTIFICATES)
    for name, value in _way_to_the_index().items():
        buildah("config", "--env", f"{name}={value}", container)
    buildah("commit", "--quiet", "--rm", container, _BASE)


def _way_to_the_index() -> dict[str, str]:
    """The variables by which pip and uv reach the index that pip here uses."""
    found = {name: os.environ[name] for name in _INDEX if name in os.environ}
    if "PIP_INDEX_URL" in found:
        found.setdefault("UV_INDEX_URL", found["PIP_INDEX_URL"])
    return {**found, "PIP_CERT": _CERTIFICATES, "SSL_CERT_FILE": _CERTIFICATES}


class _Buildah:
    """The program with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = ("buildah", "--root", str(folder / "root"), "--runroot", str(folder / "run"))

    def ask(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.ask(*arguments, seconds=600)
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()

    def unmount_all(self) -> None:
        """Unmount all below the storage, the innermost first, as a mounted folder can't be removed."""
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self._folder}/"):
                subprocess.run(["umount", mount], check=True)
