"""All kinds of findings by their codes, and findings made of them."""

import contextlib

from catflap.checks.finding import Finding
from catflap.checks.running_kinds import RUNNING
from catflap.checks.setup_kinds import SETUP
from catflap.errors import CatflapError

KINDS = {kind.code: kind for kind in (*SETUP, *RUNNING)}
GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS.values()))


def found(code: str, /, **facts: object) -> Finding:
    """Return a finding of a kind, with facts in its sentences."""
    kind = KINDS[code]
    sentences = kind.wrong.format(**facts), kind.remedy.format(**facts)
    return Finding(code, kind.group, kind.severity, *sentences, kind.exit)


def found_by(error: CatflapError, **facts: object) -> Finding:
    """Return the finding for an error; one without a kind of its own is `check_failed`."""
    with contextlib.suppress(KeyError):
        return found(error.code, **{"reason": error.message, **facts})
    return found("check_failed", check=error.code, reason=error.message)
