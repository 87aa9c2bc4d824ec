"""The page of metrics, from the module that exposes them."""

import ast
from collections.abc import Iterator
from inspect import getsource

from catflap.web import exposition
from docsite.markdown import code, table

INTRODUCTION = """# Metrics

What `GET /metrics` exposes to Prometheus, with the extra `metrics`: [watching it](../watching.md).

"""


def page() -> str:
    """Return the page in Markdown."""
    rows = sorted({*_counters(), *_families()})
    return INTRODUCTION + table(("metric", "what it is"), [(code(name), text) for name, text in rows])


def _counters() -> Iterator[tuple[str, str]]:
    for name, text in exposition._COUNTERS.items():
        yield f"catflap_{name}_total", text


def _families() -> Iterator[tuple[str, str]]:
    """Yield name and text of each call with a name of ours and a text."""
    for node in ast.walk(ast.parse(getsource(exposition))):
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            name, text = (one.value if isinstance(one, ast.Constant) else None for one in node.args[:2])
            if isinstance(name, str) and name.startswith("catflap_") and isinstance(text, str):
                yield name, text
