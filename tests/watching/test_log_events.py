"""Log events have constant names, and those an operator should know are in docs/watching.md."""

import re
from pathlib import Path

from tests.support.log_events import log_calls

ROOT = Path(__file__).parents[2]
# It logs for libraries, at their level.
_LIBRARIES = "library_log"


CALLS = list(log_calls())
EVENTS = {event for _, event, _ in CALLS}


def test_each_event_has_a_constant_name() -> None:
    assert len(EVENTS) > 90
    assert [
        (str(file), event) for _, event, file in CALLS if not re.fullmatch(r"[a-z]+(_[a-z]+)+", event)
    ] == []


def test_what_an_operator_should_know_is_in_the_docs_with_its_level() -> None:
    page = (ROOT / "docs" / "watching.md").read_text()
    shown = re.findall(r"^\| `([a-z_]+)` \| ((?:error|warning)(?:, warning)?) \| (?=\w)", page, re.MULTILINE)
    levels: dict[str, set[str]] = {_LIBRARIES: {"warning"}}
    for level, event, file in CALLS:
        # `catflap device run` is on the machine of a user, and says what it must itself.
        if level in ("warning", "error") and "player" not in file.parts:
            levels.setdefault(event, set()).add(level)
    assert shown == [(event, ", ".join(sorted(found))) for event, found in sorted(levels.items())]
