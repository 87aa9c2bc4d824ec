"""The log events of the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def log_calls() -> Iterator[tuple[str, str, Path]]:
    """Yield level, event and file of each call of our log; the event is "" where it is not constant."""
    for file in sorted((_ROOT / "src" / "catflap").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner, level = node.func.value, node.func.attr
            if isinstance(owner, ast.Name) and owner.id == "log" and level in (*_LEVELS, "log"):
                first = node.args[1 if level == "log" else 0]
                yield level, str(first.value) if isinstance(first, ast.Constant) else "", file
