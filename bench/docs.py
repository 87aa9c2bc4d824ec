"""Tables of figures in the documentation, made of bench/results: `python -m bench.docs` writes them anew.

A page holds `<!-- bench: group.measure -->` and `<!-- /bench -->`; what is between is generated.
"""

import re
from pathlib import Path
from typing import Any

from bench import records

PAGES = [records.ROOT / "README.md", *sorted((records.ROOT / "docs").rglob("*.md"))]
_PLACE = re.compile(r"(<!-- bench: ([\w.]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def rewrite() -> list[Path]:
    """Write the tables of all pages; return the pages that changed."""
    changed = []
    for page in PAGES:
        before = page.read_text()
        if (after := filled(before)) != before:
            page.write_text(after)
            changed.append(page)
    return changed


def filled(text: str) -> str:
    """Return the text of a page with its tables generated."""
    return _PLACE.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def table(name: str) -> str:
    """Return the table of the measure `group.measure` in Markdown, and when and where it was taken."""
    group, _, measure = name.partition(".")
    record = records.read(group).get(measure)
    if record is None:
        return f'\nNot measured yet: `make bench ARGS="--only {name}"`.\n\n'
    tables = [_markdown(lines) for lines in records.tables(record)]
    return "\n\n".join([f"\n{record['title']}:", *tables, f"{_origin(record)}\n\n"])


def _markdown(lines: list[list[str]]) -> str:
    head, *body = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([head, "|---" * len(lines[0]) + "|", *body])


def _origin(record: dict[str, Any]) -> str:
    commit = f", commit {record['commit']}" if record["commit"] else ""
    busy = f"other programs used {record['busy_before_percent']:.0f} % of the CPU just before"
    return f"{record['at'][:10]}{commit}; {record['machine']}; {busy}."


if __name__ == "__main__":
    for written in rewrite():
        print(written.relative_to(records.ROOT))
