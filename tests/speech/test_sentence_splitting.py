"""Long texts in sentences that are short enough to be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.speech import NothingToSay, split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dinner is ready.", ["Dinner is ready."]),
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("At 10.30 p.m.? Yes.", ["At 10.30 p.m.?", "Yes."]),
        ("ごはんです。お風呂も沸いた！はい", ["ごはんです。", "お風呂も沸いた！", "はい"]),
        ("one\n\n two\r\nthree", ["one", "two", "three"]),
        ("Tea. … 🐈 ! Cake.", ["Tea.", "Cake."]),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


def test_a_long_sentence_is_split_at_a_pause() -> None:
    text = "the cat sat on the mat, " * 10
    parts = split_sentences(text)
    assert len(parts) == 3
    assert all(part.endswith("mat,") for part in parts)


@pytest.mark.parametrize("text", ["", " ", "…", "🐈\n🐈", "\x00"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(NothingToSay):
        split_sentences(text)


@given(st.text(max_size=400))
def test_no_letter_is_lost_and_no_part_is_long(text: str) -> None:
    try:
        parts = split_sentences(text)
    except NothingToSay:
        return
    assert all(len(part) <= 100 for part in parts)
    letters = [char for char in text if char.isalnum() and char.isascii()]
    assert [char for part in parts for char in part if char.isalnum() and char.isascii()] == letters
