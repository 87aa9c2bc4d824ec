"""A wheel without its extras: each command starts, and an error names the extra that it lacks."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from catflap.cli import _COMMANDS
from catflap.extras import missing_extra

ROOT = Path(__file__).parents[2]


def _required(name: str, extras: Iterable[str] = ("",)) -> set[str]:
    """The distributions that `name` with `extras` needs here, those of its requirements included."""
    found = set()
    for needed in map(Requirement, distribution(name).requires or ()):
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            found |= {canonicalize_name(needed.name)} | _required(needed.name, ("", *needed.extras))
    return found


Run = Callable[..., subprocess.CompletedProcess[str]]
_COMMAND_LINE = "from catflap.cli import main; main()"


@pytest.fixture(scope="module")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: the wheel's own files and its base requirements, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    site = folder / "site"
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("catflap-*.whl")
    _pip("install", "--no-index", "--target", str(site), str(wheel))
    for name in _required("catflap"):
        _link(name, site)
    return site


@pytest.fixture(scope="module")
def bare(bare_site: Path) -> Run:
    """Run code with the bare install."""
    return _runner(bare_site)


@pytest.fixture(scope="module")
def with_sandbox(bare_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run code with the extra `sandbox`, and no voice."""
    site = tmp_path_factory.mktemp("sandbox")
    for name in _required("catflap", ("", "sandbox")) - _required("catflap"):
        _link(name, site)
    return _runner(bare_site, site)


def _pip(command: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", command, "--quiet", "--no-deps", *arguments], check=True)


def _runner(*sites: Path) -> Run:
    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # `-S` leaves out the packages that the tests have.
        only = f"import sys; sys.path[:0] = {[str(site) for site in sites]!r}\n{code}"
        command = [sys.executable, "-I", "-S", "-c", only, *arguments]
        cwd = sites[0].parent
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)

    return run


def _link(name: str, site: Path) -> None:
    """Link the files of an installed distribution one by one, because namespace packages share folders."""
    for file in distribution(name).files or ():
        if file.parts[0] != "..":
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).symlink_to(Path(str(file.locate())).resolve())


def test_every_command_shows_its_help(bare: Run) -> None:
    each = f"for name in {['', *_COMMANDS]!r}: cli([*name.split(), '--help'], standalone_mode=False)"
    shown = bare(f"from catflap.cli import cli\n{each}")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("Usage:") == 1 + len(_COMMANDS)
    assert not shown.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["sandbox", "--port", "0"], "sandbox"),
        (["demo", "--once", "--json"], "sandbox"),
        (["say", "Hello"], "english"),
        (["say", "お茶の時間"], "japanese"),
    ],
)
def test_a_command_that_lacks_an_extra_names_it(bare: Run, arguments: list[str], extra: str) -> None:
    ended = bare(_COMMAND_LINE, *arguments)
    assert ended.returncode == 3
    assert f"pip install 'catflap[{extra}]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_demo_without_a_voice_names_the_extras(with_sandbox: Run) -> None:
    ended = with_sandbox(_COMMAND_LINE, "demo", "--once", "--json")
    assert ended.returncode == 3
    assert "pip install 'catflap[japanese,english]'" in ended.stderr
    assert not ended.stdout


def test_a_public_name_that_lacks_an_extra_names_it(bare: Run) -> None:
    ended = bare("import catflap; catflap.google_credentials")
    assert "extra_missing" in ended.stderr
    assert "pip install 'catflap[google]'" in ended.stderr


def test_an_import_that_no_extra_explains_stays_what_it_is() -> None:
    broken = ModuleNotFoundError("No module named 'catflap.nothing'", name="catflap.nothing")
    with pytest.raises(ModuleNotFoundError, match=re.escape("catflap.nothing")):
        missing_extra(broken)
