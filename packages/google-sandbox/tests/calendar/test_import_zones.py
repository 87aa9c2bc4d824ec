"""Which zone the times of an iCalendar file are in (RFC 5545, 3.6.5 and 3.2.19)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox_support.expansion import calendar, european, event, imported, masters, starts, vtimezone

CUSTOM = european("Customized Time Zone")
LOCAL = ";TZID=Customized Time Zone:"


def test_a_zone_of_the_file_changes_its_clocks_when_the_file_says() -> None:
    text = calendar(CUSTOM, event("sync", f"{LOCAL}20261021T093000", "RRULE:FREQ=WEEKLY;COUNT=3"))
    assert starts(text) == ["2026-10-21 07:30", "2026-10-28 08:30", "2026-11-04 08:30"]


def test_exdate_rdate_and_recurrence_id_in_a_zone_of_the_file_find_their_instances() -> None:
    text = calendar(
        CUSTOM,
        event(
            "sync",
            f"{LOCAL}20261021T093000",
            "RRULE:FREQ=WEEKLY;COUNT=4",
            f"EXDATE{LOCAL}20261028T093000",
            f"RDATE{LOCAL}20261030T140000",
        ),
        event("sync", f"{LOCAL}20261104T150000", f"RECURRENCE-ID{LOCAL}20261104T093000", title="moved"),
    )
    assert starts(text) == ["2026-10-21 07:30", "2026-10-30 13:00", "2026-11-04 14:00", "2026-11-11 08:30"]


def test_a_zone_of_the_file_may_stand_after_the_events() -> None:
    assert starts(calendar(event("one", f"{LOCAL}20260702T093000"), CUSTOM)) == ["2026-07-02 07:30"]


def test_what_one_file_defines_holds_in_no_other() -> None:
    one = calendar(european("Office", "+0100", "+0200"), event("one", ";TZID=Office:20261202T100000"))
    other = calendar(european("Office", "+0800", "+0900"), event("one", ";TZID=Office:20261202T100000"))
    assert starts(one) == ["2026-12-02 09:00"]
    assert starts(other) == ["2026-12-02 02:00"]


def test_each_calendar_of_a_file_has_its_own_definitions() -> None:
    one = calendar(european("Office", "+0100", "+0200"), event("one", ";TZID=Office:20261202T100000"))
    other = calendar(european("Office", "+0800", "+0900"), event("two", ";TZID=Office:20261202T100000"))
    assert starts(one + other) == ["2026-12-02 02:00", "2026-12-02 09:00"]


def test_a_series_in_a_zone_of_the_file_stays_a_rule_in_an_iana_zone_with_its_offsets() -> None:
    text = calendar(CUSTOM, event("sync", f"{LOCAL}20260902T093000", "RRULE:FREQ=WEEKLY"))
    sandbox, report = imported(text, "Europe/Paris")
    (master,) = masters(sandbox)
    assert report.assumed == []
    assert master["start"] == {"dateTime": "2026-09-02T09:30:00+02:00", "timeZone": "Europe/Paris"}
    assert master["recurrence"] == ["RRULE:FREQ=WEEKLY"]


def test_instances_are_listed_one_by_one_where_no_iana_zone_has_the_offsets() -> None:
    odd = european("Odd", "+0115", "+0200")
    text = calendar(
        odd,
        event("sync", ";TZID=Odd:20261021T093000", "RRULE:FREQ=WEEKLY", "EXDATE;TZID=Odd:20261028T093000"),
        event("sync", ";TZID=Odd:20261104T150000", "RECURRENCE-ID;TZID=Odd:20261104T093000", title="moved"),
    )
    assert starts(text)[:4] == [
        "2026-10-21 07:30",
        "2026-11-04 13:45",
        "2026-11-11 08:15",
        "2026-11-18 08:15",
    ]
    _, report = imported(text)
    assert report.assumed == [
        (
            "sync",
            "no IANA zone has the offsets of its time zone; its instances are listed one by one until 2031",
        )
    ]


def test_the_definition_comes_before_what_the_name_means_elsewhere() -> None:
    fixed = vtimezone("Europe/Berlin", ("STANDARD", "19700101T000000", "+0300", "+0300", ""))
    text = calendar(fixed, event("one", ";TZID=Europe/Berlin:20260702T100000"))
    assert starts(text) == ["2026-07-02 07:00"]


def test_the_definition_of_a_windows_name_rules_and_without_one_the_name_is_known() -> None:
    name = "W. Europe Standard Time"
    one = event("one", f";TZID={name}:20260702T100000")
    assert starts(calendar(one)) == ["2026-07-02 08:00"]
    assert starts(calendar(european(name, "+0200", "+0300"), one)) == ["2026-07-02 07:00"]


@pytest.mark.parametrize(
    ("day", "time"),
    [
        ("19950701", "08:00"),  # before the first onset, what the name means elsewhere
        ("19970701", "09:00"),
        ("19980701", "09:00"),
        ("19990701", "08:00"),
        ("20261201", "09:00"),
    ],
)
def test_the_history_of_a_definition_holds(day: str, time: str) -> None:
    # Here the clocks were not changed in 1997 and 1998; UNTIL is in UTC, east of Greenwich (3.6.5).
    definition = vtimezone(
        "Europe/Berlin",
        ("DAYLIGHT", "19960331T020000", "+0100", "+0200", ""),
        ("STANDARD", "19961027T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;UNTIL=19961027T010000Z"),
        ("DAYLIGHT", "19990328T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
        ("STANDARD", "19991031T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
    )
    text = calendar(definition, event("one", f";TZID=Europe/Berlin:{day}T100000"))
    assert starts(text) == [f"{day[:4]}-{day[4:6]}-{day[6:]} {time}"]


def test_the_last_year_of_a_rule_is_its_until_in_utc() -> None:
    ended = vtimezone(
        "Office",
        (
            "DAYLIGHT",
            "20000326T020000",
            "+0100",
            "+0200",
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20260329T010000Z",
        ),
        (
            "STANDARD",
            "20001029T030000",
            "+0200",
            "+0100",
            "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20261025T010000Z",
        ),
    )
    days = [event(day, f";TZID=Office:{day}T100000") for day in ("20260701", "20261201", "20270701")]
    assert starts(calendar(ended, *days)) == ["2026-07-01 08:00", "2026-12-01 09:00", "2027-07-01 09:00"]


def test_a_definition_from_1601_holds_in_the_last_century() -> None:
    text = calendar(CUSTOM, event("one", f"{LOCAL}19990701T100000"), event("two", f"{LOCAL}19200701T100000"))
    assert starts(text) == ["1920-07-01 08:00", "1999-07-01 08:00"]


def test_single_changes_that_some_writers_list_end_with_their_list() -> None:
    # As calendars of WordPress have it: only the changes around the day they were written.
    listed = vtimezone(
        "Europe/Berlin",
        ("STANDARD", "20181028T030000", "+0200", "+0100", "RDATE:20191027T030000"),
        ("DAYLIGHT", "20190331T020000", "+0100", "+0200", "RDATE:20200329T020000"),
    )
    text = calendar(listed, event("sync", ";TZID=Europe/Berlin:20261021T093000", "RRULE:FREQ=WEEKLY;COUNT=2"))
    assert starts(text) == ["2026-10-21 07:30", "2026-10-28 08:30"]


def test_offsets_may_have_seconds() -> None:
    old = vtimezone(
        "Europe/Berlin",
        ("STANDARD", "18930401T000000", "+005328", "+0100", ""),
        ("DAYLIGHT", "19810329T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
        ("STANDARD", "19811025T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
    )
    sandbox, report = imported(calendar(old, event("one", ";TZID=Europe/Berlin:20260702T100000")))
    assert (report.skipped, report.assumed) == ([], [])
    assert masters(sandbox)[0]["start"]["dateTime"] == "2026-07-02T10:00:00+02:00"


@pytest.mark.parametrize(
    "definition",
    [
        vtimezone("Europe/Berlin"),
        vtimezone(
            "Europe/Berlin", ("STANDARD", "18930401T000000", "+5328", "+0100", "RDATE:18930401T000000")
        ),
        vtimezone("Europe/Berlin", ("STANDARD", "soon", "+0200", "+0100", "")),
        vtimezone(
            "Europe/Berlin", ("STANDARD", "19701025T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYDAY=XX")
        ),
    ],
)
def test_a_definition_that_cannot_be_read_is_reported_and_the_name_counts(definition: str) -> None:
    text = calendar(definition, event("one", ";TZID=Europe/Berlin:20260702T100000"))
    assert starts(text) == ["2026-07-02 08:00"]
    ((uid, reason),) = imported(text)[1].skipped
    assert uid == "one"
    assert "definition" in reason


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Berlin",
        "europe/berlin",
        '"Europe/Berlin"',
        "/Europe/Berlin",
        "/freeassociation.sourceforge.net/Europe/Berlin",
        "/freeassociation.sourceforge.net/Tzfile/Europe/Berlin",
        "/mozilla.org/20050126_1/Europe/Berlin",
        "W. Europe Standard Time",
        "w. europe standard time",
        "UTC+02:00",
        "GMT+2",
        "Etc/GMT-2",
    ],
)
def test_names_that_programs_write_are_known(name: str) -> None:
    text = calendar(event("one", f";TZID={name}:20260702T100000"))
    assert starts(text) == ["2026-07-02 08:00"]
    assert imported(text)[1].assumed == []


def test_a_name_with_an_unquoted_colon_is_one_name() -> None:
    name = "(UTC+01:00) Amsterdam, Berlin, Rome"
    text = calendar(european(name), event("one", f";TZID={name}:20260702T100000"))
    assert starts(text, "Asia/Tokyo") == ["2026-07-02 08:00"]


def test_the_place_of_a_definition_that_cannot_be_read_counts_if_its_name_is_unknown() -> None:
    broken = "BEGIN:VTIMEZONE\nTZID:tz1\nX-LIC-LOCATION:Europe/Berlin\nEND:VTIMEZONE"
    assert starts(calendar(broken, event("one", ";TZID=tz1:20260702T100000"))) == ["2026-07-02 08:00"]


@pytest.mark.parametrize("zone", [":", ";TZID=Bureau:"])
def test_one_uid_has_one_reading_of_floating_and_unknown_times(zone: str) -> None:
    text = calendar(
        event("yoga", f"{zone}20261104T180000", "RRULE:FREQ=WEEKLY;COUNT=4", f"EXDATE{zone}20261118T180000"),
        event("yoga", f"{zone}20261111T200000", f"RECURRENCE-ID{zone}20261111T180000", title="later"),
    )
    assert starts(text, "Asia/Tokyo") == ["2026-11-04 09:00", "2026-11-11 11:00", "2026-11-25 09:00"]


def test_a_zone_that_nothing_defines_is_reported() -> None:
    _, report = imported(calendar(event("choir", ";TZID=Bureau:20261104T180000")))
    assert report.skipped == []
    assert report.assumed == [("choir", "its time zone is not known; the times were read in the calendar's")]


def test_an_x_wr_timezone_that_is_unknown_is_reported_where_it_matters() -> None:
    text = calendar(
        event("a", ":20261104T180000"), event("b", ":20261104T180000Z"), head="X-WR-TIMEZONE:Bureau"
    )
    assert [uid for uid, _ in imported(text)[1].assumed] == ["a"]


def test_a_time_in_utc_is_in_utc_even_beside_a_zone() -> None:
    assert starts(calendar(event("a", ";TZID=Europe/Berlin:20261202T100000Z"))) == ["2026-12-02 10:00"]


def test_floating_times_of_an_instance_are_in_the_zone_of_its_series() -> None:
    berlin = ";TZID=Europe/Berlin:"
    text = calendar(
        event("yoga", f"{berlin}20261104T180000", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20261118T180000"),
        event("yoga", ":20261111T200000", "RECURRENCE-ID:20261111T180000", title="later"),
    )
    assert starts(text, "Asia/Tokyo") == ["2026-11-04 17:00", "2026-11-11 19:00"]


@pytest.mark.parametrize("name", ["Europe/Berlin", "W. Europe Standard Time", "Customized Time Zone"])
def test_x_wr_timezone_is_the_zone_of_floating_times(name: str) -> None:
    text = calendar(CUSTOM, event("one", ":20260702T100000"), head=f"X-WR-TIMEZONE:{name}")
    assert starts(text, "Asia/Tokyo") == ["2026-07-02 08:00"]


def test_an_end_may_be_in_another_zone() -> None:
    flight = event("flight", ";TZID=Europe/Berlin:20260702T100000", "DTEND;TZID=Asia/Tokyo:20260703T050000")
    sandbox, _ = imported(calendar(flight))
    (one,) = masters(sandbox)
    assert one["end"] == {"dateTime": "2026-07-03T05:00:00+09:00", "timeZone": "Asia/Tokyo"}


def test_a_first_start_that_a_clock_change_leaves_out_does_not_move_the_others() -> None:
    text = calendar(
        event("night", ";TZID=Europe/Berlin:20260329T023000", "DURATION:PT15M", "RRULE:FREQ=DAILY;COUNT=3")
    )
    assert starts(text) == ["2026-03-29 01:30", "2026-03-30 00:30", "2026-03-31 00:30"]


def test_a_length_in_hours_is_exact_and_one_in_days_keeps_the_clock() -> None:
    # Berlin's clocks go forward on 29 March 2026.
    begin = ";TZID=Europe/Berlin:20260328T233000"
    sandbox, _ = imported(
        calendar(event("day", begin, "DURATION:P1D"), event("hours", begin, "DURATION:PT23H59M"))
    )
    ends = {
        one["summary"]: datetime.fromisoformat(one["end"]["dateTime"]).astimezone(UTC)
        for one in masters(sandbox)
    }
    assert ends["day"] == datetime(2026, 3, 29, 21, 30, tzinfo=UTC)
    assert ends["hours"] == datetime(2026, 3, 29, 22, 29, tzinfo=UTC)


def test_a_definition_with_an_unknown_name_is_used_as_far_as_it_can_be_read() -> None:
    broken = european("Office").replace("TZOFFSETFROM:+0200", "TZOFFSETFROM:+5200")
    text = calendar(
        broken, event("a", ";TZID=Office:20260702T100000"), event("b", ";TZID=Office:20261202T100000")
    )
    assert starts(text, "Asia/Tokyo") == ["2026-07-02 08:00", "2026-12-02 09:00"]
    assert [uid for uid, _ in imported(text)[1].skipped] == ["a", "b"]


def test_a_definition_without_offsets_is_reported_with_the_zone_that_is_assumed() -> None:
    report = imported(calendar(vtimezone("Office"), event("a", ";TZID=Office:20260702T100000")))[1]
    assert report.skipped == [("a", "its time zone's definition is empty or cannot be read")]
    assert [uid for uid, _ in report.assumed] == ["a"]


def test_thousands_of_calendars_in_one_file_share_what_they_define() -> None:
    one = [
        calendar(european("Office"), event(f"u{number}", ";TZID=Office:20261202T100000"))
        for number in range(1500)
    ]
    assert imported("".join(one))[1].imported == 1500
