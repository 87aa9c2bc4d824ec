"""The page of settings: names, types and defaults from `Settings`, the texts of docs/settings.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from catflap.settings import Settings
from docsite.markdown import code
from docsite.sources import ROOT

INTRODUCTION = """# Settings

Read once at the start, from the environment. A list is separated by commas. The same with less detail:
[settings](../settings.md).

"""
_ROW = re.compile(r"^\| `(\w+)` \|(.*?)\| (.*) \|$", re.MULTILINE)
_RELATIVE = re.compile(r"\]\((?!https?:)([^)#]*\.md)")
_WORDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    SecretStr: "secret",
}


def page() -> str:
    """Return the page in Markdown."""
    return INTRODUCTION + "".join(_entry(name, *said) for name, said in texts().items())


def texts() -> dict[str, tuple[str, str]]:
    """Return default and text of each setting, as docs/settings.md has them."""
    shown = (ROOT / "docs" / "settings.md").read_text("utf-8")
    return {name: (default.strip(), text) for name, default, text in _ROW.findall(shown)}


def _entry(variable: str, said: str, text: str) -> str:
    one = Settings.model_fields[_field(variable)]
    default = _default(one, said) or "none"
    entry = f"### {variable}\n\nType: {_type(one)}. Default: {default}.\n\n{_sentence(text)}\n\n"
    return _RELATIVE.sub(r"](../\1", entry)


def _field(variable: str) -> str:
    name = variable.lower()
    return name if name in Settings.model_fields else name.removeprefix("catflap_")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _type(one: FieldInfo) -> str:
    kinds = [kind for kind in get_args(one.annotation) or (one.annotation,) if kind is not NoneType]
    if Ellipsis in kinds:
        return "list"
    bounds = [f"{sign} {value}" for sign, value in _bounds(one)]
    return ", ".join([_WORDS.get(kinds[0], str(kinds[0])), *bounds])


def _bounds(one: FieldInfo) -> Iterator[tuple[str, Any]]:
    for constraint in one.metadata:
        for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"), ("pattern", "like")):
            value = getattr(constraint, attribute, None)
            if value is not None:
                yield sign, code(str(value)) if attribute == "pattern" else f"{value:,}"


def _default(one: FieldInfo, said: str) -> str:
    """Return the value in the code; what the page says where that depends on something."""
    value = one.default
    if (
        said
        or value is PydanticUndefined
        or value is None
        or value in ("", ())
        or isinstance(value, SecretStr)
    ):
        return said
    return code(str(value))
