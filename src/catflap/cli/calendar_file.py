"""Read an iCalendar file as text, or say in one line why not."""

from pathlib import Path

from catflap.errors import BadRequest


def read_calendar(file: Path) -> str:
    """The text of `file`; whether it is iCalendar, the importer judges.

    Raises:
        BadRequest: `calendar_unreadable`.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadRequest("calendar_unreadable", f"Can't read {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadRequest(
            "calendar_unreadable", f"{file} is not an iCalendar file (.ics, UTF-8 text)."
        ) from None
