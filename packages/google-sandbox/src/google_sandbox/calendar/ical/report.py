"""Result of an import: how much was imported, skipped and assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

NO_UID = "(no UID)"
LONGEST_UID = 200


class Unreadable(ValueError):
    """A part of a file cannot be read. The message says which, and holds none of the file's text."""


class Finding(NamedTuple):
    """Something about one event.

    Args:
        uid: The event's UID, shortened and without control characters; `(no UID)` if it has none.
        reason: A sentence without any text of the event.
    """

    uid: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """The result of importing an iCalendar file.

    Args:
        imported: How many VEVENTs are in the calendar now.
        skipped: What could not be read: a whole event, or the part of one that the reason names.
        assumed: What was read with an assumption, such as a time zone that nothing defines.
    """

    imported: int = 0
    skipped: list[Finding] = field(default_factory=list)
    assumed: list[Finding] = field(default_factory=list)
    _seen: set[Finding] = field(default_factory=set)

    def skip(self, uid: str, reason: str) -> None:
        """Record something that could not be read, once."""
        self._note(self.skipped, uid, reason)

    def assume(self, uid: str, reason: str) -> None:
        """Record an assumption, once."""
        self._note(self.assumed, uid, reason)

    def _note(self, findings: list[Finding], uid: str, reason: str) -> None:
        finding = Finding(shown_uid(uid), reason)
        if finding not in self._seen:
            self._seen.add(finding)
            findings.append(finding)


def shown_uid(uid: str) -> str:
    """Return a UID as it may be printed on a terminal."""
    printable = "".join(sign for sign in uid if sign.isprintable())
    return printable[:LONGEST_UID] or NO_UID
