"""Scopes are compared as sets of names, for every spelling and order of Google's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.errors import BadRequest
from catflap.google.scopes import READ_CALENDAR, SIGN_IN, expand_requested, missing_scopes, normalise, to_wire

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
    assert missing_scopes(normalise(wanted), normalise(granted)) == frozenset()


@pytest.mark.parametrize(
    ("wanted", "granted", "lacking"),
    [
        (f"{G}calendar", f"{G}calendar.readonly", {f"{G}calendar"}),
        ("drive.file", f"{G}drive.appdata", {"drive.file"}),
        ("openid gmail.readonly", "openid", {"gmail.readonly"}),
    ],
)
def test_what_is_not_granted_is_missing(wanted: str, granted: str, lacking: set[str]) -> None:
    assert missing_scopes(normalise(wanted), normalise(granted)) == lacking


@pytest.mark.parametrize("words", ["calendar", "calendar,", " calendar  calendar ", "Calendar".lower()])
def test_a_bundle_asks_for_no_more_than_reading(words: str) -> None:
    assert expand_requested(words) == READ_CALENDAR


def test_full_addresses_and_short_names_ask_for_the_same() -> None:
    assert expand_requested(f"{G}drive.appdata,drive.file") == expand_requested("drive.appdata drive.file")


def test_on_the_wire_names_are_full_and_in_a_stable_order() -> None:
    names = {"drive.file", "email", "openid", f"{G}calendar"}
    assert to_wire(names) == f"email openid {G}drive.file {G}calendar"


def test_a_scope_of_another_host_stays_as_it_is() -> None:
    assert to_wire({"https://mail.google.com/"}) == "https://mail.google.com/"


@given(st.sets(st.sampled_from([f"{G}calendar", "calendar.events", "drive.file", *SIGN_IN])))
def test_sent_and_read_back_scopes_are_the_same(names: set[str]) -> None:
    assert normalise(to_wire(names)) == names


WORDS = [
    "calendar",
    f"{G}calendar",
    "calendar.readonly",
    "userinfo.email",
    "email",
    "drive",
    f"{G}drive.file",
]


@given(st.sets(st.sampled_from(WORDS)))
def test_what_is_shown_can_be_sent_back_and_means_the_same(words: set[str]) -> None:
    shown = expand_requested(" ".join(words))
    assert expand_requested(sorted(shown)) == shown == normalise(to_wire(shown))


def test_the_word_calendar_is_reading_and_googles_whole_scope_is_spelled_in_full() -> None:
    assert expand_requested("calendar") == READ_CALENDAR
    assert expand_requested(f"{G}calendar") == normalise(f"{G}calendar") == {f"{G}calendar"}
    assert missing_scopes(expand_requested("calendar"), normalise(f"{G}calendar")) == frozenset()
    assert missing_scopes(expand_requested(f"{G}calendar"), expand_requested("calendar")) == {f"{G}calendar"}


@pytest.mark.parametrize("words", ["\0", "a\x7f", 'a"b', "a\\b", "caf\u00e9", "a" * 201])
def test_words_that_no_scope_can_be_are_refused(words: str) -> None:
    with pytest.raises(BadRequest, match="invalid_request"):
        expand_requested(words)
