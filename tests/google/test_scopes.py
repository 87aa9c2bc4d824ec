"""Scopes are sets of names, however Google spells and orders them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.google.scopes import READ_CALENDAR, SIGN_IN, asked, missing, normalise, wire

G = "https://www.googleapis.com/auth/"


@pytest.mark.parametrize(
    ("wanted", "granted"),
    [
        ("openid email profile", f"{G}userinfo.profile openid {G}userinfo.email"),
        ("calendar.events.readonly", f"{G}calendar.events.readonly"),
        ("calendar.events.readonly", f"{G}calendar.readonly"),
        ("calendar.events.readonly calendar.calendarlist.readonly", f"{G}calendar"),
        ("", ""),
        ("drive.appdata", f"{G}drive"),
    ],
)
def test_what_is_granted_in_other_words_is_not_missing(wanted: str, granted: str) -> None:
    assert missing(normalise(wanted), normalise(granted)) == frozenset()


@pytest.mark.parametrize(
    ("wanted", "granted", "lacking"),
    [
        ("calendar", f"{G}calendar.readonly", {"calendar"}),
        ("drive.file", f"{G}drive.appdata", {"drive.file"}),
        ("openid gmail.readonly", "openid", {"gmail.readonly"}),
    ],
)
def test_what_is_not_granted_is_missing(wanted: str, granted: str, lacking: set[str]) -> None:
    assert missing(normalise(wanted), normalise(granted)) == lacking


@pytest.mark.parametrize("words", ["calendar", "calendar,", " calendar  calendar ", "Calendar".lower()])
def test_a_bundle_asks_for_no_more_than_reading(words: str) -> None:
    assert asked(words) == READ_CALENDAR


def test_full_addresses_and_short_names_ask_for_the_same() -> None:
    assert asked(f"{G}drive.appdata,drive.file") == asked("drive.appdata drive.file")


def test_on_the_wire_names_are_full_and_in_a_stable_order() -> None:
    assert wire({"drive.file", "email", "openid", "calendar"}) == f"email openid {G}calendar {G}drive.file"


def test_a_scope_of_another_host_stays_as_it_is() -> None:
    assert wire({"https://mail.google.com/"}) == "https://mail.google.com/"


@given(st.sets(st.sampled_from(["calendar", "calendar.events", "drive.file", *SIGN_IN])))
def test_sent_and_read_back_scopes_are_the_same(names: set[str]) -> None:
    assert normalise(wire(names)) == names
