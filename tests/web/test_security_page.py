"""docs/security.md names a test in every row; each of them exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "security.md").read_text().partition("## Signing in")[2].partition("\n## ")[0]
NAMED = re.findall(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`", SECTION)


def test_every_row_names_a_test() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_named_test_exists(file: str, name: str) -> None:
    path = ROOT / "tests" / (file if "/" in file else f"web/{file}")
    assert f"def {name}(" in path.read_text()
