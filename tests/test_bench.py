"""The frame of `make bench`: names of measures, targets, and records that are kept."""

import sys
from pathlib import Path

import pytest
from sqlalchemy.util import greenlet_spawn

from bench import busy_minute, docs, measures, profile, records, week
from catflap.announcements.planning import plan
from catflap.speech import language_of


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(3, "≤ 3", True), (3.1, "≤ 3", False), (0.5, "≥ 0.5", True), (0.49, "≥ 0.5", False), (1, "= 0", False)],
)
def test_a_value_meets_its_target_or_misses_it(value: float, target: str, met: bool) -> None:
    assert records.is_met(value, target) is met


def test_a_written_record_leaves_the_others_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    records.write("vault.down", {"rows": {"calls": 55}})
    records.write("vault.dead", {"rows": {"calls": 1}})
    records.write("vault.down", {"rows": {"calls": 54}})
    assert records.read("vault") == {"dead": {"rows": {"calls": 1}}, "down": {"rows": {"calls": 54}}}


def test_every_measure_has_a_group_and_a_name_of_its_own() -> None:
    names = [one.name for one in measures.measures()]
    assert all(name.count(".") == 1 for name in names)
    assert len(set(names)) == len(names)


async def test_a_profiled_stack_includes_the_callers_of_a_greenlet() -> None:
    def names() -> list[str]:
        return [code.co_name for code in profile.running(sys._getframe())]

    found = await greenlet_spawn(names)
    assert found[0] == "names"
    assert "test_a_profiled_stack_includes_the_callers_of_a_greenlet" in found


def test_rows_of_one_thing_are_a_line_and_targets_are_judged() -> None:
    record = {
        "rows": {"bare: rate": 8789, "bare: p99, ms": 8.0, "ours: rate": 1638, "share": 0.19},
        "targets": {"share": "≥ 0.5"},
    }
    assert records.tables(record) == [
        [["", "rate", "p99, ms"], ["bare", "8,789", "8.0"], ["ours", "1,638", ""]],
        [["", ""], ["share", "0.19 (≥ 0.5: missed)"]],
    ]
    assert records.missed(record) == ["share"]


def test_every_measure_has_its_place_in_the_documentation() -> None:
    pages = "".join(page.read_text() for page in docs.PAGES)
    assert [one.name for one in measures.measures() if f"<!-- bench: {one.name} -->" not in pages] == []


def test_the_meetings_of_the_busy_minute_are_the_same_at_each_run_and_partly_shared() -> None:
    found = busy_minute.meetings(1_000)
    assert found == busy_minute.meetings(1_000)
    titles = [one.title for one in found]
    assert 500 < len(set(titles)) < 800
    assert 400 < sum(language_of(title) == "ja" for title in titles) < 600
    assert len({one.dialect_ja for one in found}) > 5


def test_the_planned_week_uses_what_can_be_switched_on() -> None:
    found = week.occurrences()
    assert len({one.event_id for one in found}) == len(found) == week.OCCURRENCES
    assert all(week.NOW <= one.starts_at < week.NOW + week.WEEK for one in found)
    assert {one.is_meeting for one in found} == {one.all_day for one in found} == {True, False}
    made = plan(found, week.MANY, week.NOW, week.WEEK, week.facts(found))
    assert {"before", "start", "briefing"} <= {one.kind for one in made}
    assert len(made) > len(found)
