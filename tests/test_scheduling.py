"""Tests that share something costly run in one worker."""

import itertools
from pathlib import Path

import pytest

from tests.support.scheduling import GroupScheduling, group_of

ROOT = Path(__file__).parent.parent
MARK = "xdist_group" + "("


def test_each_module_with_a_mark_is_in_its_group() -> None:
    modules = [path for path in (ROOT / "tests").rglob("test_*.py") if MARK in path.read_text()]
    groups = {path.name: group_of(str(path.relative_to(ROOT))) for path in modules}
    assert len(groups) > 8 and None not in groups.values()
    assert groups["test_page_words.py"] == groups["test_readings_page.py"] == "page_words"
    assert group_of("tests/test_layout.py") is None


def test_a_group_is_one_unit_of_work_and_other_tests_are_one_each(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "tx", ["popen"])
    scheduling = GroupScheduling(pytestconfig)
    tests = {
        f"tests/web/{module}.py::{name}"
        for module, name in itertools.product(("test_page_words", "test_readings_page", "test_i18n"), "ab")
    }
    assert {scheduling._split_scope(test) for test in tests} == {
        "page_words",
        "tests/web/test_i18n.py::a",
        "tests/web/test_i18n.py::b",
    }
