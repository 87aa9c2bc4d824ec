"""A QR code in the terminal, where there is one and the extra `speaker` is installed."""

import io
import sys

from catflap.errors import OperatorMustAct
from catflap.extras import load_optional

# Light modules are drawn in white on black, so that neither a light nor a dark terminal inverts the code.
_WHITE_ON_BLACK, _AS_BEFORE = "\x1b[97;40m", "\x1b[0m"
# Of a longer one the code would not fit into a terminal.
_LONGEST_LINK = 300


def terminal_qr_code(link: str) -> str | None:
    """Return lines that show a QR code of `link`; None without segno or a terminal for it."""
    if len(link) > _LONGEST_LINK or not sys.stdout.isatty() or not _can_show("█▀▄"):
        return None
    try:
        segno = load_optional("segno")
    except OperatorMustAct:
        return None
    drawn = io.StringIO()
    segno.make_qr(link, error="m").terminal(drawn, compact=True, border=2)
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" for line in drawn.getvalue().splitlines())


def _can_show(signs: str) -> bool:
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
