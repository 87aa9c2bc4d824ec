"""The page of the public Python API: signatures and docstrings of what each `__all__` names."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

MODULES = ("catflap", "catflap.fastapi", "catflap.testing", "catflap_client", "google_sandbox")
INTRODUCTION = """# Python

The public names: those of `__all__` in these modules. Everything else may change without notice.

"""
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):$")
_ENTRY = re.compile(r"^ {4}(\S[^:]*): (.*)$")


def page() -> str:
    """Return the page in Markdown."""
    parts, seen = [INTRODUCTION], dict[int, str]()
    for name in MODULES:
        module = importlib.import_module(name)
        parts.append(f"## {name}\n\n{docstring(module)}")
        for public in module.__all__:
            value = getattr(module, public)
            above = seen.setdefault(id(value), f"{name}.{public}")
            again = f"### {name}.{public}\n\n[{above}](#{above.lower().replace('.', '')})\n\n"
            parts.append(_entry(name, public, value) if above == f"{name}.{public}" else again)
    return "".join(parts)


def _entry(module: str, name: str, value: Any) -> str:
    head = f"### {module}.{name}\n\n"
    if inspect.isclass(value):
        return head + _signature(name, value, "class ") + docstring(value) + "".join(_members(value))
    if inspect.isroutine(value):
        return head + _signature(name, value, "") + docstring(value)
    return f"{head}```python\n{name} = {_shown(value)}\n```\n\n"


def _shown(value: Any) -> str:
    """Return a constant as it is; of an annotated type only what it is for a type checker."""
    if get_origin(value) is Annotated:
        return f"Annotated[{_name(get_args(value)[0])}, …]"
    return repr(value)


def _members(value: type) -> Iterator[str]:
    """Yield the public methods and properties that a class defines itself or gets from a base of ours."""
    for name, member in inspect.getmembers_static(value):
        if name.startswith("_") or not _is_ours(value, name):
            continue
        member = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if isinstance(member, property):
            yield f"#### {value.__name__}.{name}\n\nA property. {docstring(member)}"
        elif inspect.isfunction(member):
            yield f"#### {value.__name__}.{name}\n\n" + _signature(name, member, "") + docstring(member)


def _is_ours(value: type, name: str) -> bool:
    owner = next(one for one in value.__mro__ if name in vars(one))
    return owner.__module__.partition(".")[0] in {module.partition(".")[0] for module in MODULES}


def _signature(name: str, value: Any, prefix: str) -> str:
    keyword = "async def " if inspect.iscoroutinefunction(value) else prefix or "def "
    return f"```python\n{keyword}{name}{_written(value)}\n```\n\n"


def _written(value: Any) -> str:
    """Return parameters and result as the source has them, one in a line where they are many."""
    function = value.__init__ if inspect.isclass(value) else value
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError):  # made by a decorator or a base, such as those of dataclasses and TypedDict
        return "(\n" + "".join(f"    {name}: {_name(kind)},\n" for name, kind in _fields(value)) + ")"
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    result = f" -> {ast.unparse(node.returns)}" if node.returns and not inspect.isclass(value) else ""
    if len(arguments) < 60:
        return f"({arguments}){result}"
    return "(\n" + "".join(f"    {one},\n" for one in _split(arguments)) + f"){result}"


def _fields(value: type) -> Iterator[tuple[str, Any]]:
    for name, kind in inspect.get_annotations(value).items():
        if not name.startswith("_"):
            yield name, kind


def _name(kind: Any) -> str:
    return (
        kind.__name__
        if isinstance(kind, type) and not get_args(kind)
        else re.sub(r"\b[a-z_.]+\.", "", str(kind))
    )


def _split(arguments: str) -> list[str]:
    """Split at commas that are in no brackets."""
    parts, depth, begun = [], 0, ""
    for sign in arguments:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(begun.strip())
            begun = ""
        else:
            begun += sign
    return [*parts, begun.strip()]


def docstring(value: Any) -> str:
    """Return a docstring in Google's convention as Markdown; nothing where there is none of its own."""
    text = inspect.cleandoc(getattr(value, "__doc__", None) or "")
    lines, section = [], ""
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section = found[1]
            lines.append(f"\n**{section}**\n")
        elif section and (entry := _ENTRY.match(line)):
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        elif section and line and not line.startswith(" "):
            section = ""
            lines.append(line)
        else:
            lines.append(line.removeprefix("    ") if section else line)
    return "\n".join(lines) + "\n\n"
