"""iCalendar files with something wrong: what can be read is imported, the rest is told without its text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from google_sandbox.calendar.importing import NotACalendar
from sandbox_support.expansion import (
    EMAIL,
    calendar,
    european,
    event,
    imported,
    masters,
    shown,
    starts,
)

pytestmark = pytest.mark.slow

FINE = event("fine", ":20261202T120000Z")
SECRET = "Kanarienvogel"


def titles(data: str | bytes) -> list[str]:
    """The titles of all events, in order."""
    return sorted(one.get("summary", "") for one in masters(imported(data)[0]))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (event("bad", ":20260230T100000Z", title=SECRET), "its DTSTART cannot be read"),
        (event("bad", f":{SECRET}", title=SECRET), "its DTSTART cannot be read"),
        (event("bad", ":00000000T000000Z", title=SECRET), "its DTSTART cannot be read"),
        (event("bad", ":P1D", title=SECRET), "its DTSTART cannot be read"),
        (f"BEGIN:VEVENT\nUID:bad\nSUMMARY:{SECRET}\nEND:VEVENT", "it has no DTSTART"),
        (event("bad", ":20261202T100000Z", f"RECURRENCE-ID:{SECRET}"), "its RECURRENCE-ID cannot be read"),
    ],
)
def test_an_event_whose_time_cannot_be_read_is_skipped_and_reported(broken: str, reason: str) -> None:
    text = calendar(broken, FINE)
    report = imported(text)[1]
    assert titles(text) == ["fine"]
    assert report.imported == 1
    assert report.skipped == [("bad", reason)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"DURATION:{SECRET}", "its DURATION cannot be read"),
        ("DURATION:PT1W", "its DURATION cannot be read"),
        ("DURATION:P99999999999999999999D", "its DURATION cannot be read"),
        (f"DTEND:{SECRET}", "its DTEND cannot be read"),
        (f"EXDATE:20261203T100000Z,{SECRET}", "its EXDATE cannot be read"),
        (f"RDATE:{SECRET}", "its RDATE cannot be read"),
        (f"RRULE:FREQ={SECRET}", "its RRULE cannot be read: the rule has no frequency of RFC 5545"),
        *(
            (
                f"RRULE:FREQ=DAILY;{part}",
                "its RRULE cannot be read: the rule has a number that is out of range",
            )
            for part in (
                "BYMONTH=13",
                "BYMONTH=0",
                "BYHOUR=24",
                "BYMINUTE=60",
                "BYMONTHDAY=32",
                "BYYEARDAY=-367",
            )
        ),
        (f"{SECRET} that lost its fold", "a line of it cannot be read"),
        (f"BEGIN:VALARM\nTRIGGER:{SECRET}\nEND:VALARM", "an alarm of it cannot be read"),
        ("BEGIN:VALARM\nTRIGGER:PT-2H\nEND:VALARM", "an alarm of it cannot be read"),
        ("BEGIN:VALARM\nACTION:DISPLAY\nEND:VALARM", "an alarm of it cannot be read"),
    ],
)
def test_a_part_that_cannot_be_read_costs_that_part_and_is_reported(line: str, reason: str) -> None:
    text = calendar(event("bad", ":20261202T100000Z", line), FINE)
    report = imported(text)[1]
    assert titles(text) == ["bad", "fine"]
    assert report.imported == 2
    assert report.skipped == [("bad", reason)]


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:",
        "RDATE:",
        "RRULE:",
        "X-ODD;=;:x",
        "CATEGORIES:",
        "GEO:north",
        "PRIORITY:urgent",
        "DTSTAMP:yesterday",
        "SEQUENCE:first",
        "CREATED:",
        "ATTENDEE;PARTSTAT=WHO:mailto:x@example.com",
        'ORGANIZER;CN="open:mailto:x@example.com',
        "STATUS:SOMETHING",
        "BEGIN:VALARM\nTRIGGER;VALUE=DATE-TIME:20261202T093000Z\nEND:VALARM",
        "BEGIN:VALARM\nTRIGGER;RELATED=END:-PT15M\nEND:VALARM",
    ],
)
def test_what_is_empty_or_not_needed_costs_nothing(line: str) -> None:
    text = calendar(event("odd", ":20261202T100000Z", line))
    assert titles(text) == ["odd"]
    assert imported(text)[1].skipped == []


def test_the_rest_of_a_list_of_dates_counts_when_one_cannot_be_read() -> None:
    text = calendar(
        event("a", ":20261202T100000Z", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:never,20261203T100000Z")
    )
    assert starts(text) == ["2026-12-02 10:00", "2026-12-04 10:00"]


@pytest.mark.parametrize("kind", ["RRULE", "EXRULE"])
@pytest.mark.parametrize("frequency", ["YEARLY", "HOURLY"])
def test_a_rule_that_never_matches_leaves_the_start_the_dates_and_the_other_rules(
    kind: str, frequency: str
) -> None:
    never = f"{kind}:FREQ={frequency};BYMONTH=2;BYMONTHDAY=30"
    others = ("RRULE:FREQ=DAILY;COUNT=2", "RDATE:20261210T100000Z")
    assert starts(calendar(event("a", ":20261202T100000Z", never, *others))) == [
        "2026-12-02 10:00",
        "2026-12-03 10:00",
        "2026-12-10 10:00",
    ]
    assert starts(calendar(event("a", ":20261202T100000Z", never))) == ["2026-12-02 10:00"]


@pytest.mark.parametrize(
    "start",
    [
        ":2026-12-02T10:00:00Z",
        ":20261202T110000+0100",
        ":20261202T1000Z",
        ":20261202t100000z",
        ": 20261202T100000Z",
    ],
)
def test_times_as_other_formats_write_them_are_read(start: str) -> None:
    assert starts(calendar(event("a", start))) == ["2026-12-02 10:00"]


def test_a_leap_second_is_the_second_before() -> None:
    assert starts(calendar(event("a", ":20261231T235960Z"))) == ["2026-12-31 23:59"]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n"])
@pytest.mark.parametrize("fold", [b" ", b"\t"])
def test_every_end_of_line_and_fold_is_read_also_inside_a_character(newline: bytes, fold: bytes) -> None:
    title = "歯医者".encode()
    text = calendar(event("a", ":20261202T100000Z", title="@@")).encode()
    for cut in range(1, len(title)):
        folded = title[:cut] + newline + fold + title[cut:]
        data = text.replace(b"\r\n", newline).replace(b"@@", folded)
        assert titles(data) == ["歯医者"]
        assert imported(data)[1].assumed == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_unicode_encoding_is_read_with_and_without_a_mark(encoding: str) -> None:
    data = calendar(event("a", ":20261202T100000Z", title="Café 歯医者")).encode(encoding)
    assert titles(data) == ["Café 歯医者"]


def test_a_byte_that_is_not_utf8_is_read_as_windows_1252_in_its_line_alone_and_reported() -> None:
    text = calendar(event("a", ":20261202T100000Z", "LOCATION:@@", title="歯医者"), FINE)
    sandbox, report = imported(text.encode().replace(b"@@", "Café – “Zur Post”".encode("cp1252")))
    assert [one.get("location") for one in masters(sandbox)] == ["Café – “Zur Post”", None]
    assert [one["summary"] for one in masters(sandbox)] == ["歯医者", "fine"]
    assert report.skipped == []
    assert report.assumed == [("a", "it has bytes that are not UTF-8, which were read as Windows-1252")]


def test_a_line_that_names_its_charset_is_read_in_it() -> None:
    text = calendar(event("a", ":20261202T100000Z")).encode()
    data = text.replace(b"SUMMARY:a", "SUMMARY;CHARSET=Shift_JIS:歯医者".encode("shift_jis"))
    assert titles(data) == ["歯医者"]


def test_text_that_was_decoded_with_surrogates_is_read_like_its_bytes() -> None:
    data = calendar(event("a", ":20261202T100000Z", title="Caf@@")).encode().replace(b"@@", b"\xe9")
    assert titles(data.decode("utf-8", "surrogateescape")) == ["Café"]


def test_control_characters_do_not_get_into_the_calendar() -> None:
    assert titles(calendar(event("a", ":20261202T100000Z", title="one\x00 \x1b[31mtwo"))) == ["one [31mtwo"]


@pytest.mark.parametrize(
    "where", [b"", b"\n\n", b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\nContent-Type: text/calendar\n\n"]
)
def test_what_stands_before_the_calendar_is_no_matter(where: bytes) -> None:
    assert titles(where + calendar(FINE).encode()) == ["fine"]


def test_a_file_that_is_cut_off_keeps_what_is_whole() -> None:
    text = calendar(FINE, event("cut", ":20261203T120000Z"))
    data = text[: text.index("SUMMARY:cut")]
    report = imported(data)[1]
    assert titles(data) == ["fine"]
    assert report.skipped == [("cut", "the file ends inside it")]


@pytest.mark.parametrize(
    "text",
    [
        calendar(FINE).replace("END:VCALENDAR", ""),
        calendar(FINE).replace("BEGIN:", "begin:").replace("VEVENT", "vevent"),
        calendar("END:VALARM", FINE, "END:VEVENT"),
        calendar("BEGIN:VALARM\nTRIGGER:-PT5M", FINE),
        calendar(event("fine", ":20261202T120000Z", "BEGIN:VALARM", "TRIGGER:-PT5M")),
        calendar(calendar(FINE)),
        calendar("BEGIN:VTODO\nUID:t\nDTSTART:20261202T100000Z\nSUMMARY:todo\nEND:VTODO", FINE),
        calendar("BEGIN:VJOURNAL\nUID:j\nDTSTART:soon\nEND:VJOURNAL", "BEGIN:X-ODD\nA:b\nEND:X-ODD", FINE),
    ],
)
def test_components_that_are_crossed_missing_or_of_another_kind_do_not_hide_an_event(text: str) -> None:
    assert titles(text) == ["fine"]


def test_an_event_without_an_end_ends_where_the_next_begins() -> None:
    text = calendar(event("a", ":20261202T100000Z").replace("\nEND:VEVENT", ""), FINE)
    assert titles(text) == ["a", "fine"]


def test_all_calendars_of_a_file_are_read() -> None:
    one = calendar(event("a", ":20261102T100000Z", "RRULE:FREQ=WEEKLY;COUNT=2"))
    two = calendar(event("a", ":20261109T120000Z", "RECURRENCE-ID:20261109T100000Z", title="moved"))
    assert [row[:2] for row in shown(one + two)] == [("a", "2026-11-02 10:00"), ("moved", "2026-11-09 12:00")]


def test_an_event_without_uid_is_one_event_however_often_it_is_imported() -> None:
    nameless = "\n".join(line for line in FINE.splitlines() if not line.startswith("UID"))
    other = nameless.replace("20261202", "20261203")
    sandbox, report = imported(calendar(nameless, other))
    sandbox.import_ical(EMAIL, calendar(nameless.replace("DTSTAMP:2026", "DTSTAMP:2027"), other))
    assert len(shown(sandbox)) == 2
    assert report.imported == 2
    assert all("fine" not in one["iCalUID"] for one in masters(sandbox))


def test_a_report_names_events_without_uid_and_spares_the_terminal() -> None:
    bad = event("x", ":never")
    text = calendar(bad.replace("UID:x", ""), bad.replace("UID:x", "UID:a\x1b[2Jb\u202e" + "c" * 500))
    uids = [uid for uid, _ in imported(text)[1].skipped]
    assert uids[0] == "(no UID)"
    assert uids[1].isprintable()
    assert uids[1].startswith("a[2Jbc")
    assert len(uids[1]) == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"{}",
        b"<html>",
        b"BEGIN:VEVENT\nEND:VEVENT",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT",
        b"\xff\xfe\x00bin",
    ],
)
def test_a_file_that_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(NotACalendar, match="iCalendar"):
        imported(data)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(NotACalendar, match="64 MiB"):
        imported(b" " * (64 * 2**20 + 1))


def test_components_nested_without_end_are_refused() -> None:
    with pytest.raises(NotACalendar, match="nested"):
        imported("".join(f"BEGIN:{'VCALENDAR' if not n else f'X-{n}'}\n" for n in range(5000)))


WHOLE = calendar(
    european("Office"),
    event("a", ";TZID=Office:20261102T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5", title=SECRET),
    event("a", ";TZID=Office:20261109T120000", "RECURRENCE-ID;TZID=Office:20261109T100000", title=SECRET),
    event(
        "b", ";VALUE=DATE:20261102", "EXDATE;VALUE=DATE:20261103", "RRULE:FREQ=DAILY;COUNT=5", title=SECRET
    ),
).encode()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 12), st.binary(max_size=6)), max_size=6))
@settings(max_examples=150, deadline=None, database=None)
def test_whatever_is_broken_the_rest_is_imported_and_no_text_is_reported(
    damage: list[tuple[int, int, bytes]],
) -> None:
    data = WHOLE
    for at, length, instead in damage:
        data = data[:at] + instead + data[at + length :]
    try:
        sandbox, report = imported(data)
    except NotACalendar:
        return
    shown(sandbox)
    assert all(SECRET not in reason for _, reason in [*report.skipped, *report.assumed])
