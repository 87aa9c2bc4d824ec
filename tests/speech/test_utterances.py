"""Utterances in every dialect: complete phrasebooks, times and titles."""

import re
from datetime import date, datetime

import pytest

from catflap.speech import (
    NothingToSay,
    Title,
    UnknownDialect,
    dialects,
    language_of,
    private_title,
    say_all_day,
    say_before,
    say_briefing,
    say_cancelled,
    say_catch_up,
    say_late,
    say_moved,
    say_nothing,
    say_reconnect,
    say_start,
    say_text,
)
from catflap.speech.language import Run, split_runs
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.spoken_times import format_duration, format_time

AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
TODAY = AT.date()
DIALECTS = [dialect.id for dialect in dialects()]


def every_kind(dialect, titles):
    return {
        "before_one": say_before(dialect, titles, AT, 1),
        "before_many": say_before(dialect, titles, AT, 10),
        "before_hours": say_before(dialect, titles, AT, 150),
        "start": say_start(dialect, titles, AT),
        "all_day": say_all_day(dialect, titles, TODAY, TODAY),
        "moved": say_moved(dialect, titles, AT, TODAY),
        "cancelled": say_cancelled(dialect, titles, AT, TODAY),
        "late": say_late(dialect, titles, 15),
        "catch_up": say_catch_up(dialect, titles),
    }


def test_dialects_are_listed_japanese_first():
    japanese = "kansai kyoto hakata tsugaru nagoya hiroshima okinawa kagoshima standard"
    assert " ".join(DIALECTS) == japanese + " kitten butler cowboy pirate plain"
    assert all(dialect.name and dialect.native_name and dialect.example for dialect in dialects())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_kind_fills_all_placeholders(dialect):
    title = "設計会議" if phrasebook(dialect).dialect.language == "ja" else "Weekly sync"
    said = every_kind(dialect, [title]) | {
        "briefing": say_briefing(dialect, TODAY, [title], 3, AT),
        "nothing": say_nothing(dialect),
        "reconnect": say_reconnect(dialect),
    }
    for kind, utterance in said.items():
        assert not set("{}") & set(utterance.display + utterance.spoken)
        assert (
            (title in utterance.display)
            == (title in utterance.spoken)
            == (kind not in ("nothing", "reconnect"))
        )
        assert utterance.dialect == dialect
    assert len({utterance.display for utterance in said.values()}) == len(said)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_private_title_is_replaced_and_never_quoted(dialect):
    substitute_title = private_title(dialect)
    for utterance in every_kind(dialect, [Title("Therapy", private=True)]).values():
        assert "Therapy" not in utterance.display + utterance.spoken
        assert substitute_title.lower() in utterance.display.lower()
        assert not set("「」“”") & set(utterance.display)
        assert not re.search(r"(^|[.!?] )an? ", utterance.display + " " + utterance.spoken)
    assert every_kind(dialect, [substitute_title]) == every_kind(dialect, [Title(private=True)])


def test_minutes_and_hours_have_forms_of_their_own():
    assert say_before("kansai", ["会議"], AT, 1).display == "「会議」まで、あと1分しかないで! はよはよ!"
    assert (
        say_before("kansai", ["会議"], AT, 10).display == "にゃあ、10:30から「会議」やで。あと10分しかないで!"
    )
    assert (
        say_before("kansai", ["会議"], AT, 90).display
        == "にゃあ、10:30から「会議」やで。まだ1時間30分あるで。"
    )
    assert say_before("plain", ["Sync"], AT, 1).display == "“Sync”, in one minute."
    assert say_before("plain", ["Sync"], AT, 2).display == "“Sync” at 10:30 am, in 2 minutes."
    assert say_before("plain", ["Sync"], AT, 60).display == "“Sync” at 10:30 am. That is 1 hour away."
    assert say_before("plain", ["Sync"], AT, 0) == say_start("plain", ["Sync"], AT)


def test_displayed_and_spoken_text_are_separate():
    utterance = say_before("tsugaru", ["会議"], AT, 10)
    assert utterance.display == "10:30がら「会議」だはんで、わすれねでけへ。あど10分だじゃ!"
    assert utterance.spoken == "午前10時半ガラ「会議」だハンデ、わすれねデケヘ。アド10分だじゃ!"
    english = say_before("butler", ["1:1 w/ Tom & Kit 🎉"], AT, 10)
    assert english.display == "Pardon the purr. “1:1 w/ Tom & Kit 🎉” at 10:30 am, in 10 minutes."
    assert english.spoken == "Pardon the purr. one on one with Tom and Kit at half past ten, in 10 minutes."


def test_a_reminder_heard_the_day_before_names_the_day():
    assert "明日の10:30から" in say_before("standard", ["会議"], AT, 24 * 60).display
    assert "at 10:30 am tomorrow" in say_before("plain", ["Sync"], AT, 24 * 60).display
    assert "11月24日(火)の10:30から" in say_before("standard", ["会議"], AT, 3 * 24 * 60).display
    assert "at 10:30 am on Tuesday, November 24" in say_before("plain", ["Sync"], AT, 3 * 24 * 60).display
    assert "on Tuesday, November 24th" in say_before("plain", ["Sync"], AT, 3 * 24 * 60).spoken
    assert "明日は「祝日」" in say_all_day("standard", ["祝日"], TODAY, date(2026, 11, 23)).display


def test_several_titles_are_listed_and_the_rest_counted():
    assert (
        say_start("standard", ["朝会", "面談"], AT).display
        == "「朝会」と「面談」の時間です。いってらっしゃい!"
    )
    assert say_start("plain", ["A", "B", "C"], AT).display == "It's time for “A”, “B” and “C”."
    assert say_start("plain", list("ABCDE"), AT).display == "It's time for “A”, “B”, “C” and 2 more."
    assert say_start("standard", list("甲乙丙丁"), AT).display.startswith(
        "「甲」と「乙」と「丙」、ほか1件の時間"
    )
    assert say_start("standard", ["会議", "", ""], AT).display.startswith("「会議」と予定の時間")


def test_a_maybe_counts_for_one_title_of_several():
    titles = [Title("A", tentative=True), Title("B")]
    assert say_start("plain", titles, AT).display == "It's time for “B” and maybe “A”."
    assert say_start("standard", titles, AT).display.startswith("「B」とあるかもしれない「A」の時間")


def test_the_briefing_names_the_date_and_the_first_appointment():
    many = say_briefing("kansai", TODAY, ["祝日", "出張"], 3, AT)
    assert many.display == (
        "おはようさん。11月24日(火)やで。今日は「祝日」と「出張」やで。予定は3件、最初は10:30からやで。"
    )
    one = say_briefing("plain", TODAY, [], 1, AT)
    assert one.display == "Good morning. It's Tuesday, November 24. One appointment, at 10:30 am."
    assert (
        one.spoken
        == "Good morning. It's Tuesday, November 24th. One appointment, at half past ten this morning."
    )
    nothing = say_briefing("plain", TODAY, [], 0, None)
    assert nothing.display == (
        "Good morning. It's Tuesday, November 24. Nothing on the calendar today. Enjoy it."
    )
    holiday = say_briefing("plain", TODAY, ["Holiday"], 0, None)
    assert holiday.display == "Good morning. It's Tuesday, November 24. Today: “Holiday”."


def test_free_text_uses_the_dialects_voice():
    said = say_text("kansai", "14:00にMTGやで😺")
    assert (said.display, said.spoken) == ("14:00にMTGやで😺", "14時にミーティングやで")
    with pytest.raises(NothingToSay):
        say_text("kansai", "😺")


def test_an_unknown_dialect_is_an_error():
    for call in (lambda: say_start("klingon", ["x"], AT), lambda: private_title("klingon")):
        with pytest.raises(UnknownDialect):
            call()


@pytest.mark.parametrize(
    ("clock", "shown", "spoken"),
    [
        ("00:00", "midnight", "midnight"),
        ("00:05", "12:05 am", "five past midnight"),
        ("00:30", "12:30 am", "half past midnight"),
        ("09:00", "9:00 am", "nine o'clock this morning"),
        ("11:45", "11:45 am", "quarter to twelve this morning"),
        ("12:00", "noon", "noon"),
        ("12:30", "12:30 pm", "half past twelve this afternoon"),
        ("15:30", "3:30 pm", "half past three this afternoon"),
        ("15:45", "3:45 pm", "quarter to four this afternoon"),
        ("16:35", "4:35 pm", "twenty-five to five this afternoon"),
        ("18:17", "6:17 pm", "17 minutes past six this evening"),
        ("22:10", "10:10 pm", "ten past ten tonight"),
        ("23:59", "11:59 pm", "one minute to midnight"),
    ],
)
def test_english_times_are_shown_and_spoken(clock, shown, spoken):
    moment = datetime.fromisoformat(f"2026-11-24T{clock}Z")
    words = format_time(moment, moment.date(), "en")
    assert (words.display, words.spoken) == (shown, spoken)


def test_english_spans_have_singulars_and_plurals():
    spans = {
        1: "1 minute",
        5: "5 minutes",
        60: "1 hour",
        61: "1 hour and 1 minute",
        150: "2 hours and 30 minutes",
    }
    spans |= {1440: "1 day", 2940: "2 days and 1 hour", 20160: "14 days"}
    assert {minutes: format_duration(minutes, "en").display for minutes in spans} == spans


def test_english_spans_are_spoken_as_a_person_does():
    spans = {1: "one minute", 10: "10 minutes", 15: "a quarter of an hour", 30: "half an hour", 60: "an hour"}
    spans |= {61: "an hour and one minute", 75: "an hour and a quarter", 90: "an hour and a half"}
    spans |= {120: "two hours", 150: "two and a half hours", 200: "three hours and 20 minutes"}
    spans |= {1439: "23 hours and 59 minutes", 2940: "2 days and 1 hour"}
    assert {minutes: format_duration(minutes, "en").spoken for minutes in spans} == spans


def test_a_spoken_time_says_whether_it_is_in_the_morning_unless_it_is_near():
    assert "half past ten, in 10 minutes" in say_before("plain", ["Sync"], AT, 10).spoken
    assert "half past ten this morning. " in say_before("plain", ["Sync"], AT, 90).spoken
    assert "half past ten tomorrow morning. " in say_before("plain", ["Sync"], AT, 24 * 60).spoken
    assert "moved to half past ten this morning." in say_moved("plain", ["Sync"], AT, TODAY).spoken
    late = AT.replace(hour=22)
    friday = say_before("plain", ["Sync"], late, 3 * 24 * 60).spoken
    assert "at half past ten at night on Tuesday, November 24th" in friday
    noon = AT.replace(hour=12, minute=0)
    assert "at noon tomorrow. " in say_before("plain", ["Sync"], noon, 24 * 60).spoken


def test_the_midnight_to_come_is_tonight():
    midnight = datetime(2026, 11, 25, tzinfo=AT.tzinfo)
    assert "at midnight tonight. " in say_before("plain", ["Sync"], midnight, 60).spoken
    assert "moved to midnight tonight." in say_moved("plain", ["Sync"], midnight, date(2026, 11, 24)).spoken
    assert "at midnight, in" in say_before("plain", ["Sync"], midnight, 10).spoken


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Lunch", "en"),
        ("会議", "ja"),
        ("ランチ", "ja"),
        ("Lunch と", "ja"),
        ("ﾗﾝﾁ", "ja"),
        ("", "en"),
        ("Обед", "en"),
        ("。", "en"),
    ],
)
def test_the_language_is_detected_by_script(text, language):
    assert language_of(text) == language


def test_a_sentence_is_split_where_the_script_changes_engines():
    assert split_runs("It's time for 設計 会議, in 10 minutes.", "en") == [
        Run("en", "It's time for "),
        Run("ja", "設計 会議"),
        Run("en", ", in 10 minutes."),
    ]
    assert split_runs("「Обед」の時間、Lunchも。", "ja") == [
        Run("en", "Обед", "ru"),
        Run("ja", "」の時間、Lunchも。"),
    ]
