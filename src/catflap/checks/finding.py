"""A finding: what is wrong, how grave that is, and what to do."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Severity = Literal["problem", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note")


class Exit(IntEnum):
    """The exit code of `catflap doctor` for a problem: that of the error which a command would end with."""

    INTERNAL = 1
    OPERATOR = 3
    AWAY = 5


@dataclass(frozen=True)
class Kind:
    """A kind of finding; both sentences are templates for `str.format`.

    Args:
        code: Stable, snake_case, for programs.
        group: Where it is shown.
        severity: `problem`: something does not work. `warning`: it will stop to, or is unsafe. `note`: good
            to know.
        wrong: What is wrong.
        remedy: What to do.
        exit: The exit code for a problem.
    """

    code: str
    group: str
    severity: Severity
    wrong: str
    remedy: str
    exit: Exit = Exit.OPERATOR


@dataclass(frozen=True)
class Finding:
    """Something that was found; it holds no secret."""

    code: str
    group: str
    severity: Severity
    wrong: str
    remedy: str
    exit: Exit


@dataclass(frozen=True)
class Registration:
    """What must be registered for the OAuth client at the Google Cloud console, to the letter."""

    redirect_uri: str
    javascript_origin: str
