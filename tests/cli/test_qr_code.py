"""The QR code of a pairing in the terminal: what it says, and where it is left out."""

import io
import sys

import pytest
import segno

from catflap.cli.device.qr_code import terminal_qr_code

LINK = "https://mia.example.com/devices#code=WDJB-MJHT"
# The upper and the lower module of each sign, light or not.
MODULES = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_it_has_the_link_in_white_on_black(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    drawn = terminal_qr_code(LINK)
    assert drawn is not None
    lines = drawn.splitlines()
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in lines)
    signs = [[MODULES[sign] for sign in line[len("\x1b[97;40m") : -len("\x1b[0m")]] for line in lines]
    rows = [[not pair[half] for pair in line] for line in signs for half in (0, 1)]
    expected = [[bool(dark) for dark in row] for row in segno.make_qr(LINK, error="m").matrix_iter(border=2)]
    assert rows[: len(expected)] == expected


@pytest.mark.parametrize(
    ("terminal", "link"),
    [
        (Terminal(is_terminal=False), LINK),
        (Terminal("ascii"), LINK),
        (Terminal("latin-1"), LINK),
        (Terminal(), LINK + "x" * 300),
    ],
    ids=["no terminal", "ascii", "latin-1", "long link"],
)
def test_it_is_left_out_where_it_could_not_be_read(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, link: str
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal)
    assert terminal_qr_code(link) is None


def test_it_is_left_out_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setitem(sys.modules, "segno", None)
    assert terminal_qr_code(LINK) is None
