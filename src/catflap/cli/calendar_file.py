"""An iCalendar file for the local Google: read it, import it, and say in lines what became of it."""

from collections.abc import Iterator
from pathlib import Path

from catflap.errors import BadRequest
from catflap.sandbox import Sandbox
from catflap.sandbox.calendar.importing import MOST_BYTES, ImportReport

_MOST_LISTED = 100


def read_calendar(file: Path) -> bytes:
    """Return what is in `file`, or a little more than the importer takes; it judges what that is.

    Raises:
        BadRequest: `calendar_unreadable`.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadRequest("calendar_unreadable", f"Can't read {file}: {error.strerror}.") from None


def import_calendar(sandbox: Sandbox, email: str, file: Path, data: bytes) -> list[str]:
    """Put the events into an account's calendar and return lines that tell what was imported and what not.

    Raises:
        BadRequest: `calendar_unreadable`.
    """
    try:
        report = sandbox.import_ical(email, data)
    except ValueError as error:
        raise BadRequest("calendar_unreadable", f"Can't import {file}: {error}.") from None
    return list(_told(file, report))


def _told(file: Path, report: ImportReport) -> Iterator[str]:
    events = "1 event" if report.imported == 1 else f"{report.imported} events"
    yield f"{file.name}: {events} imported, {len(report.skipped)} skipped, {len(report.assumed)} assumed"
    findings = [("skipped", *finding) for finding in report.skipped]
    findings += [("assumed", *finding) for finding in report.assumed]
    for kind, uid, reason in findings[:_MOST_LISTED]:
        yield f"{kind}: {uid}: {reason}"
    if len(findings) > _MOST_LISTED:
        yield f"… and {len(findings) - _MOST_LISTED} more"
