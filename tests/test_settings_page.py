"""docs/settings.md has the defaults and limits of the code; files in deploy/ use settings that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Le
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from catflap.settings import Settings

ROOT = Path(__file__).parent.parent
_ROW = re.compile(r"^\| `(\w+)` \|(?: (.*?))? \| (.*) \|$", re.MULTILINE)
# Three long rules, which the page names.
_IN_WORDS = {"CATFLAP_PROXY_ALLOW"}


def variable(name: str, field: FieldInfo) -> str:
    """The variable of a setting: its own name, where it has one that others know."""
    aliases = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
    own = [alias for alias in aliases if isinstance(alias, str) and alias.isupper()]
    return own[0] if own else f"CATFLAP_{name.upper()}"


FIELDS = {variable(name, field): field for name, field in Settings.model_fields.items()}
TABLE = _ROW.findall((ROOT / "docs/settings.md").read_text())
ROWS = {name: (default, text) for name, default, text in TABLE}
OPERATORS_FILES = [
    file for file in (ROOT / "deploy").rglob("*") if file.is_file() and file.suffix not in {".png", ".pyc"}
]


def shown(default: Any) -> str:
    """A default as the page shows it; empty for one that it says in words."""
    if isinstance(default, tuple):
        default = ",".join(default)
    if isinstance(default, str) and default:
        return f"`{default}`"
    return f"`{default:g}`" if isinstance(default, int | float) and not isinstance(default, bool) else ""


def limits(field: FieldInfo) -> str:
    """The limits of a number as the page shows them; empty where it has not both."""
    least = [one.ge for one in field.metadata if isinstance(one, Ge)]
    most = [one.le for one in field.metadata if isinstance(one, Le)]
    return f"{least[0]} to {most[0]}" if least and most else ""


def test_the_page_has_one_row_for_each_setting_and_no_other() -> None:
    assert sorted(name for name, *_ in TABLE) == sorted(FIELDS)


def test_the_page_shows_the_defaults_of_the_code() -> None:
    expected = {name: shown(field.default) for name, field in FIELDS.items() if name not in _IN_WORDS}
    wrong = {
        name: ROWS[name][0] for name, default in expected.items() if default and ROWS[name][0] != default
    }
    assert len([default for default in expected.values() if default]) > 20
    assert wrong == {}


def test_the_page_shows_the_limits_of_the_code() -> None:
    expected = {name: found for name, field in FIELDS.items() if (found := limits(field))}
    assert len(expected) > 8
    assert {name: ROWS[name][1] for name, found in expected.items() if found not in ROWS[name][1]} == {}


def test_the_page_shows_each_value_that_may_be_chosen() -> None:
    choices = {
        name: pattern.strip("^$()").split("|")
        for name, field in FIELDS.items()
        for pattern in (getattr(one, "pattern", None) for one in field.metadata)
        if pattern
    }
    assert len(choices) > 2
    assert [
        (name, one) for name, values in choices.items() for one in values if f"`{one}`" not in ROWS[name][1]
    ] == []


@pytest.mark.parametrize("file", OPERATORS_FILES, ids=lambda file: file.name)
def test_a_file_for_operators_uses_only_settings_that_exist(file: Path) -> None:
    used = set(re.findall(r"\b(?:CATFLAP|GOOGLE)_[A-Z_]*[A-Z]\b", file.read_text()))
    assert used - FIELDS.keys() == set()


def test_files_for_operators_use_settings_at_all() -> None:
    assert len({name for name in FIELDS for file in OPERATORS_FILES if name in file.read_text()}) > 10
