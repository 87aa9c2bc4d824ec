"""Import an iCalendar file from disk into a sandbox, and report the result as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google_sandbox.calendar.ical.report import ImportReport
from google_sandbox.calendar.importing import MOST_BYTES
from google_sandbox.sandbox import Sandbox

_MOST_LISTED = 100


def read_calendar_file(file: Path) -> bytes:
    """Return the content of a file, at most one byte more than an import accepts.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"Can't read {file}: {error.strerror}.") from None


def import_calendar_file(sandbox: Sandbox, email: str, file: Path, data: bytes) -> list[str]:
    """Import the content of a file into an account's primary calendar and return a report for people.

    Raises:
        ValueError: if it is not an iCalendar file.
    """
    try:
        report = sandbox.import_ical(email, data)
    except ValueError as error:
        raise ValueError(f"Can't import {file}: {error}.") from None
    return list(_report_lines(file, report))


def _report_lines(file: Path, report: ImportReport) -> Iterator[str]:
    events = "1 event" if report.imported == 1 else f"{report.imported} events"
    yield f"{file.name}: {events} imported, {len(report.skipped)} skipped, {len(report.assumed)} assumed"
    findings = [("skipped", *finding) for finding in report.skipped]
    findings += [("assumed", *finding) for finding in report.assumed]
    for kind, uid, reason in findings[:_MOST_LISTED]:
        yield f"{kind}: {uid}: {reason}"
    if len(findings) > _MOST_LISTED:
        yield f"… and {len(findings) - _MOST_LISTED} more"
