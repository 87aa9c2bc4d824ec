"""The readings that a user sets for words of titles: where they apply, and that they are untrusted."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.speech import (
    Title,
    normalise_reading,
    normalise_word,
    readings_in,
    say_start,
    say_text,
    word_identity,
)
from catflap.speech.reading_dictionary import apply_readings
from catflap.speech.segments import split_segments
from catflap.speech.synthesis import split_text
from catflap.speech.titles import spoken_title
from tests.support.kana import kana

AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
READINGS = {
    "小鳥遊": "たかなし",
    "小鳥": "コトリ",
    "SRE": "es are ee",
    "SRE sync": "the weekly sync",
    "Zoë": "zoh ee",
    "Jürgen": "ユルゲン",
    "Иван": "ivan",
    "🍣": "すし",
    "2F": "upstairs",
    "1:1": "face to face",
}


def spoken(title: str, language: str) -> str:
    return spoken_title(title, language, 60, readings_in(title, READINGS))


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("SRE review", "es are ee review"),
        ("sre-review", "es are ee-review"),
        ("Ｓ​ＲＥ review", "es are ee review"),
        ("SREs", "SREs"),
        ("PreSRE", "PreSRE"),
        ("SRÉ", "SRÉ"),
        ("SRE2 review", "es are ee2 review"),
        ("Lunch with Zoë", "Lunch with zoh ee"),
        ("The SRE sync", "The the weekly sync"),
        ("12F", "12th floor"),
        ("2F", "upstairs"),
        ("1:1 with Ann", "face to face with Ann"),
        ("🍣", "スシ"),
    ],
)
def test_a_word_is_replaced_as_a_whole_by_the_longest_entry(title, read):
    assert spoken(title, "en") == read


def test_a_japanese_word_is_replaced_wherever_it_occurs():
    assert spoken("小鳥遊さんと面談", "ja") == "タカナシさんと面談"
    assert spoken("小鳥遊と小鳥", "ja") == "タカナシとコトリ"
    assert spoken("田中さんとSREの会議", "ja") == "田中さんとエスアールイーの会議"


def test_hiragana_are_read_as_they_are_written():
    assert kana(spoken_title("母の会", "ja", 60, [("母", "はは")])) == "ハハノカイ"
    assert kana(spoken_title("部屋の会", "ja", 60, [("部屋", "へや")])) == "ヘヤノカイ"


def test_letters_by_their_english_names_are_spelled_by_the_japanese_voice():
    assert kana(spoken("SREの会議", "ja")) == "エスアールイーノカイギ"
    assert kana(spoken_title("Zoëの会議", "ja", 60, [("Zoë", "zoh ee")])) == "ゾーイーノカイギ"


def test_a_reading_keeps_the_language_of_the_title():
    """The sentence is chosen by the title as it is written, so a reading changes nothing but its word."""
    assert spoken_title("小鳥遊", "en", 60, [("小鳥遊", "takanashi")]) == "タカナシ"
    assert spoken_title("Lunch with Taka", "en", 60, [("Taka", "たか")]) == "Lunch with タカ"
    assert spoken_title("Lunch with Taka", "ja", 60, [("Taka", "たか")]) == "ランチウィズタカ"


def test_a_reading_in_a_title_of_a_third_language_gets_its_own_voice():
    title = "Mittagessen mit Jürgen und Freunden"
    for language in ("ja", "en"):
        parts = split_segments(spoken(title, language))
        assert [part.language for part in parts] == ["de", "", "de"]
        assert parts[1].text == "ユルゲン"
    assert spoken_title("Встреча Иван", "en", 60, [("Иван", "иваан")]) == "⟦ru:Встреча иваан⟧"
    assert spoken_title("회의 SRE", "en", 60, [("SRE", "es are ee")]) == "⟦ko:회의 es are ee⟧"
    assert spoken_title("བོད", "en", 60, [("བོད", "Tibet")]) == "Tibet"


def test_the_displayed_text_stays():
    title = Title("小鳥遊さんと面談", readings=(("小鳥遊", "たかなし"),))
    said = say_start("kansai", [title], AT)
    assert "小鳥遊さんと面談" in said.display
    assert "タカナシさんと面談" in said.spoken
    private = say_start("kansai", [Title("小鳥遊", private=True, readings=title.readings)], AT)
    assert "タカナシ" not in private.spoken


def test_readings_count_in_free_text_too():
    said = say_text("kansai", "SREの小鳥遊さんです。", READINGS)
    assert said.display == "SREの小鳥遊さんです。"
    assert kana(said.spoken) == "エスアールイーノタカナシサンデス"
    assert say_text("plain", "Ask SRE about 小鳥遊.", READINGS).spoken == "Ask es are ee about タカナシ."
    assert say_text("plain", "Ask SREs.", READINGS) == say_text("plain", "Ask SREs.")


def test_only_the_entries_of_a_title_belong_to_it():
    assert readings_in("小鳥遊さんとSRE", READINGS) == (("SRE", "es are ee"), ("小鳥遊", "たかなし"))
    assert readings_in("Lunch", READINGS) == ()
    assert readings_in("SREs and 小鳩", READINGS) == ()
    assert readings_in("小鳥遊", {}) == ()


def test_a_reading_is_not_searched_for_words():
    assert apply_readings("A B", [("A", "B"), ("B", "A")]) == "B A"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "a\x00b",
        "a\nb",
        "{titles}",
        "⟦ko:회의⟧",
        "[x]",
        "<break/>",
        "a\\b",
        "\ue000",
        "x" * 121,
        "\ud800",
    ],
)
def test_mark_up_control_characters_and_long_texts_are_refused(text):
    assert normalise_word(text) == ""
    assert normalise_reading(text) == ""


def test_a_word_may_be_emoji_but_a_reading_has_words():
    assert normalise_word("👩‍👧") == "👩👧"
    assert normalise_reading("👩‍👧") == ""
    assert normalise_reading("ー") == ""
    assert normalise_word("ab" * 30) == "ab" * 30
    assert normalise_word("ab" * 30 + "c") == ""
    assert normalise_reading("ab" * 60) == "ab" * 60


def test_words_that_differ_in_case_or_width_are_one():
    assert word_identity("SRE") == word_identity(" ｓｒｅ ") == "sre"


@given(
    title=st.text(max_size=60),
    entries=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=30)), max_size=5),
    language=st.sampled_from(["ja", "en"]),
)
def test_no_reading_can_break_a_sentence(title, entries, language):
    said = spoken_title(title, language, 60, entries)
    assert not set("{}\x00\n<>\\") & set(said)
    assert len(said) <= 60 * 6
    # Marks are ours alone, so that taking them away leaves none.
    assert not set("⟦⟧") & set("".join(part.text for part in split_segments(said)))
    whole = say_start("kansai" if language == "ja" else "kitten", [Title(title, readings=tuple(entries))], AT)
    assert split_text(whole.spoken, whole.dialect)
