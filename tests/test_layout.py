"""Test modules stand alone: what several of them use is in a `support` package."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_test_module_imports_another() -> None:
    modules = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("packages/*/tests/**/*.py")]
    assert {name for module in modules for name in _imported(module) if _is_test(name)} == set()


def _imported(module: Path) -> list[str]:
    nodes = ast.walk(ast.parse(module.read_text()))
    return [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]


def _is_test(name: str) -> bool:
    return name.rpartition(".")[2].startswith("test_")


def test_no_test_module_is_longer_than_400_lines() -> None:
    modules = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("packages/*/tests/**/*.py")]
    assert [str(module) for module in modules if len(module.read_text().splitlines()) > 400] == []
