"""Rewriting of titles for speech, compared with golden data; no digit is lost."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catflap.speech import english, japanese
from catflap.speech.english_data import MONTHS
from catflap.speech.text import speakable_text
from catflap.speech.titles import MAX_SPOKEN
from tests.speech.phonemes_of import phonemes
from tests.support.kana import kana

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


def golden(name: str) -> dict[str, str]:
    """A file of readings, all its tables in one."""
    tables = tomllib.loads((HERE / name).read_text(encoding="utf-8"))
    return {title: reading for table in tables.values() for title, reading in table.items()}


ENGLISH = golden("golden_titles_en.toml")
JAPANESE = golden("golden_titles_ja.toml")


@pytest.mark.parametrize(("title", "read"), ENGLISH.items())
def test_an_english_title_is_read_as_a_person_would(title: str, read: str) -> None:
    assert english.title_reading(title, MAX_SPOKEN) == read
    assert english.reading(english.reading(title)) == english.reading(title)


@pytest.mark.parametrize(("title", "read"), JAPANESE.items())
def test_a_japanese_title_is_read_as_a_person_would(title: str, read: str) -> None:
    assert kana(japanese.title_reading(title, 2 * MAX_SPOKEN)).replace(" ", "").replace("．", "") == read
    assert japanese.reading(japanese.reading(title)) == japanese.reading(title)


def test_the_golden_readings_are_many() -> None:
    assert len(ENGLISH) >= 150
    assert len(JAPANESE) >= 150


def test_the_engine_reads_numbers_as_the_rules_assume() -> None:
    said = {
        "1200 dollars": "wˈʌn θˈaʊzənd tˈuːhˈʌndɹɪd dˈɑːlɚz",
        "December 5th": "dᵻsˈɛmbɚ fˈɪfθ",
        "3 point 12": "θɹˈiː pˈɔɪnt twˈɛlv",
        "3.5": "θɹˈiː pɔɪnt fˈaɪv",
        "10 30 AM": "tˈɛn θˈɜːɾi ˌeɪˈɛm",
        "21st": "twˈɛnti fˈɜːst",
        "5K": "fˈaɪv kˈeɪ",
    }
    assert dict(zip(said, phonemes(*((text, "en-us", "") for text in said)), strict=True)) == said


@pytest.mark.parametrize("half", ["", "am", " PM", " p.m."])
def test_no_english_time_is_a_run_of_numbers(half: str) -> None:
    """A recogniser hears "at 3 30 PM" as "free thirty"."""
    heard = set()
    for hour in range(1, 13) if half else range(24):
        for minute in range(60):
            said = english.title_reading(f"Call at {hour}:{minute:02}{half}", MAX_SPOKEN)
            assert not re.search(
                r"\d[\s:.]*\d", said.replace("10", "x").replace("11", "x").replace("12", "x")
            )
            heard.add(said)
    assert len(heard) == 60 * (12 if half else 24)


PIECES = (
    *(
        "-",
        "/",
        ".",
        ",",
        " ",
        "~",
        "〜",
        "円",
        "$",
        "€",
        "£",
        "¥",
        "°C",
        "%",
        "F",
        "階",
        "人",
        "回",
        "日",
        "月",
    ),
    *(
        "½",
        "⅓",
        "km",
        "v",
        "(",
        ")",
        "No.",
        "#",
        "+",
        "x",
        "/2",
        "th",
        " Dec ",
        "の",
        "第",
        "番地",
        "〒",
        "Room ",
        "A-",
    ),
)
NUMBERS = st.integers(0, 10**9).map(str) | st.sampled_from(
    ["0", "00", "007", "10000", "2026", "1,000,000", "090"]
)
NUMBERED = st.lists(st.tuples(st.sampled_from(PIECES), NUMBERS | st.just("")), min_size=1, max_size=7).map(
    lambda pairs: "".join(map("".join, pairs))
)
WORDS = {
    **{month: f"{number} " for number, month in enumerate(MONTHS, 1)},
    **{"half": "1 2", "a third": "1 3", "a quarter": "1 4", "third": "3", "quarter": "4", "fifth": "5"},
    **{"sixth": "6", "seventh": "7", "eighth": "8", "ninth": "9", "tenth": "10", "penny": "1"},
    **{"ワンオンワン": "11", "トゥエンティーフォーセブン": "247", "ハタチ": "20", "one on one": "1 1"},
    **{"ファースト": "1", "セカンド": "2", "サード": "3", "ワン": "1", "屋上": ""},
    **{
        "イチ": "1",
        "ニー": "2",
        "サン": "3",
        "ヨン": "4",
        "ゴー": "5",
        "ロク": "6",
        "ナナ": "7",
        "ハチ": "8",
        "キュー": "9",
    },
}
_WORDS = re.compile("|".join(map(re.escape, sorted(WORDS, key=len, reverse=True))))


def digits(text: str) -> Counter[str]:
    """The digits of a text but for zeros, which 05, 3.00 and a million may lose."""
    return Counter(re.findall("[1-9]", _WORDS.sub(lambda match: WORDS[match[0]], text)))


@given(NUMBERED)
@example("¥1,000,000")
@example("10000円")
@example("$10000000")
@settings(max_examples=500, deadline=None, database=None)
def test_no_digit_is_lost(title: str) -> None:
    written = digits(speakable_text(title).replace("⁄", "/"))
    for rules in (english, japanese):
        heard = digits(rules.reading(title))
        assert written <= heard, (rules.__name__, rules.reading(title))


@pytest.mark.parametrize(
    ("title", "heard"),
    [
        (
            "Quarterly Business Review and Strategic Planning Session for the EMEA Region",
            "Quarterly Business Review and Strategic Planning Session",
        ),
        (
            "Preparation of everything that has to be on the table and in the fridge",
            "Preparation of everything that has to be on the table",
        ),
        ("What is this for", "What is this for"),
        ("the " * 30, "the"),
    ],
)
def test_a_title_is_not_cut_after_a_word_that_belongs_to_the_next(title: str, heard: str) -> None:
    assert english.title_reading(title, MAX_SPOKEN).startswith(heard)
    assert len(english.title_reading(title, MAX_SPOKEN)) <= MAX_SPOKEN
    assert not english.title_reading(title, MAX_SPOKEN).endswith((" and", " and in", "Session for"))


@given(st.text() | NUMBERED)
@settings(max_examples=300, deadline=None, database=None)
def test_a_reading_never_fails_and_is_bounded(title: str) -> None:
    for rules in (english, japanese):
        assert len(rules.reading(title)) <= 40 * len(title) + 40
        assert sum(map(japanese.moras, rules.title_reading(title, MAX_SPOKEN))) <= 2 * MAX_SPOKEN


def test_many_equal_digits_stay() -> None:
    assert japanese.reading("10000円") == "10000円"
    assert english.reading("$10000") == "10000 dollars"
    assert english.reading("noooooo") == "nooo"
