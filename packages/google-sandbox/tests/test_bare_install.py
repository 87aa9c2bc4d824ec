"""The wheel in an environment of its own: nothing of Catflap's, and the README's example runs."""

from __future__ import annotations

import ast
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = Path(__file__).resolve().parents[1]


def requirements_of(name: str) -> set[str]:
    """Return what a distribution needs here, with what that needs in turn."""
    found = set()
    for needed in map(Requirement, distribution(name).requires or ()):
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            found |= {canonicalize_name(needed.name)} | requirements_of(needed.name)
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel, its requirements, and what the README's example adds."""
    folder = tmp_path_factory.mktemp("bare")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(PACKAGE)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("google_sandbox-*.whl")
    venv.create(folder / "venv", symlinks=True)
    installed = folder / "venv" / "bin" / "python"
    install = [*pip, "--python", str(installed), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    needed = requirements_of("google-sandbox") | {"pytest", "requests"}
    for name in needed | requirements_of("pytest") | requirements_of("requests"):
        link(name, site)
    return installed


def link(name: str, site: Path) -> None:
    """Link the files of an installed distribution one by one, because namespace packages share folders."""
    for file in distribution(name).files or ():
        if file.parts[0] != "..":
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).symlink_to(Path(str(file.locate())).resolve())


@pytest.mark.slow
def test_the_command_shows_its_help(python: Path, tmp_path: Path) -> None:
    command = [python.parent / "google-sandbox", "--help"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Examples:" in shown.stdout


@pytest.mark.slow
def test_the_example_of_the_readme_runs(python: Path, tmp_path: Path) -> None:
    (example,) = [
        block.partition("```")[0]
        for block in (PACKAGE / "README.md").read_text("utf-8").split("```python\n")[1:]
        if "google_sandbox.mint_code" in block
    ]
    (tmp_path / "test_my_app.py").write_text(example, "utf-8")
    command = [python, "-I", "-m", "pytest", "-q", "-W", "error"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout


@pytest.mark.slow
def test_every_module_imports(python: Path, tmp_path: Path) -> None:
    script = """
import importlib, pkgutil, sys, google_sandbox
names = [m.name for m in pkgutil.walk_packages(google_sandbox.__path__, "google_sandbox.")]
for name in names:
    importlib.import_module(name)
print(len(names), "catflap" in sys.modules)
"""
    command = [python, "-I", "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    count, catflap = ended.stdout.split()
    assert int(count) > 90 and catflap == "False"


def test_the_package_and_its_tests_import_nothing_of_catflap() -> None:
    imported = set()
    for path in [*(PACKAGE / "src").rglob("*.py"), *(PACKAGE / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert not {"catflap", "catflap_client", "tests"} & imported
