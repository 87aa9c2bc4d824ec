"""The page's words: both languages complete, and nothing taken from a request."""

import re

import pytest

from catflap.web.words import ENGLISH, JAPANESE, choose_language, error_sentence


def test_both_languages_have_every_word_with_the_same_blanks() -> None:
    blanks = {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in ENGLISH.items()}
    assert blanks == {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in JAPANESE.items()}


@pytest.mark.parametrize(
    ("header", "override", "language"),
    [
        ("", None, "en"),
        ("ja", None, "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", None, "ja"),
        ("de-DE,de;q=0.9,ja;q=0.3,en;q=0.2", None, "ja"),
        ("en-GB,ja;q=0.9", None, "en"),
        ("ja;q=0", None, "en"),
        ("ja;q=lots,,;;", None, "en"),
        ("fr", None, "en"),
        ("en", "ja", "ja"),
        ("ja", "en", "en"),
        ("ja", "<script>", "ja"),
    ],
)
def test_the_reader_chooses_the_language(header: str, override: str | None, language: str) -> None:
    assert choose_language(header, override) == language


def test_a_known_error_has_its_own_sentence_and_an_unknown_one_the_general() -> None:
    assert error_sentence(ENGLISH, "access_denied") == "You said no; nothing was stored."
    assert error_sentence(ENGLISH, "<b>boo</b>") == ENGLISH["error_other"]
    assert error_sentence(ENGLISH, None) is None
