"""Components of an iCalendar file as a tree: BEGIN and END, tolerant of what is missing or crossed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from google_sandbox.calendar.ical.content_lines import Line, NotACalendar

DEEPEST = 50


@dataclass(slots=True)
class Component:
    """A component with its properties, in order.

    Args:
        problems: What could not be read inside it, without text of the file.
        is_closed: Whether its END was there.
    """

    name: str
    lines: dict[str, list[Line]] = field(default_factory=dict)
    children: list[Component] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)
    is_closed: bool = False

    def first(self, name: str) -> Line | None:
        """Return the first property of a name."""
        return next(iter(self.lines.get(name, ())), None)

    def text(self, name: str) -> str:
        """Return the text of the first property of a name, "" if there is none."""
        line = self.first(name)
        return line.value.strip() if line else ""

    def content(self) -> Iterator[str]:
        """Yield the text of every line in it and below it."""
        for lines in self.lines.values():
            yield from (line.text for line in lines)
        for child in self.children:
            yield f"BEGIN:{child.name}"
            yield from child.content()

    def walk(self, name: str) -> Iterator[Component]:
        """Yield the components of a name below this one, but not those inside another VCALENDAR."""
        for child in self.children:
            if child.name == name:
                yield child
            if child.name != "VCALENDAR":
                yield from child.walk(name)


def read_calendars(lines: Iterable[Line]) -> list[Component]:
    """Return every VCALENDAR of a file, also those inside others.

    Raises:
        NotACalendar: if there is none, or the file ends before its first component does.
    """
    calendars: list[Component] = []
    stack: list[Component] = []
    for line in lines:
        name = line.name
        if name in ("BEGIN", "END"):
            kind = line.text.partition(":")[2].strip().upper()
            if name == "END":
                _close(stack, kind)
            elif kind == "VCALENDAR" or stack:
                _open(stack, kind, calendars)
            continue
        if stack:
            _add(stack[-1], line)
    if not calendars:
        raise NotACalendar("this is not an iCalendar file: it has no BEGIN:VCALENDAR")
    if stack and not any(child.is_closed for calendar in calendars for child in calendar.children):
        raise NotACalendar("this iCalendar file is cut off: it ends inside its first component")
    return calendars


def _open(stack: list[Component], kind: str, calendars: list[Component]) -> None:
    if len(stack) > DEEPEST:
        raise NotACalendar("this is not an iCalendar file: components are nested too deeply")
    # A component never holds another of its kind, so the END of the first one is missing.
    if kind != "VCALENDAR" and any(component.name == kind for component in stack):
        _close(stack, kind)
    if kind == "VCALENDAR" and any(component.name != kind for component in stack):
        stack.clear()  # the file before this one was cut off
    component = Component(kind)
    if stack:
        stack[-1].children.append(component)
    if kind == "VCALENDAR":
        calendars.append(component)
    stack.append(component)


def _close(stack: list[Component], kind: str) -> None:
    if any(component.name == kind for component in stack):
        while True:
            component = stack.pop()
            component.is_closed = True
            if component.name == kind:
                return


def _add(component: Component, line: Line) -> None:
    if not line.name:
        component.problems.append("a line of it cannot be read")
        return
    component.lines.setdefault(line.name, []).append(line)
    if line.is_guessed:
        component.guesses.append("it has bytes that are not UTF-8, which were read as Windows-1252")
