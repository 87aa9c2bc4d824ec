"""Import an iCalendar file into the demo's sandbox."""

from pathlib import Path

from catflap.errors import BadRequest
from google_sandbox import Sandbox
from google_sandbox.calendar_file import import_calendar_file, read_calendar_file


def read_calendar(file: Path) -> bytes:
    """Return the content of `file`; `import_calendar` validates it.

    Raises:
        BadRequest: `calendar_unreadable`.
    """
    try:
        return read_calendar_file(file)
    except ValueError as error:
        raise BadRequest("calendar_unreadable", str(error)) from None


def import_calendar(sandbox: Sandbox, email: str, file: Path, data: bytes) -> list[str]:
    """Import the events into an account's calendar; return lines that say what was imported and what not.

    Raises:
        BadRequest: `calendar_unreadable`.
    """
    try:
        return import_calendar_file(sandbox, email, file, data)
    except ValueError as error:
        raise BadRequest("calendar_unreadable", str(error)) from None
