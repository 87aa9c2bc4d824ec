"""Untrusted titles: any text gives a sound or a clear error."""

import sys
import unicodedata
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catflap.speech import (
    Speech,
    VoiceChoice,
    dialects,
    english,
    installed_engines,
    installed_voices,
    japanese,
    say_start,
)
from catflap.speech.language import split_runs
from catflap.speech.text import MAX_DISPLAY, display_text
from catflap.speech.titles import MAX_SPOKEN

pytestmark = pytest.mark.slow

with_voice = pytest.mark.asyncio(loop_scope="module")
AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
HOSTILE = {
    "empty": "",
    "spaces": " \u3000\u202f\n\t",
    "emoji only": "😀🎂👩‍👩‍👧",
    "ten thousand characters": "Lunch & 会議 " * 1000,
    "shell": "$(reboot); `id` | cat /etc/passwd > /dev/null && rm -rf ~ # '",
    "option": "--setf -f /etc/passwd -voice http://example.com/x",
    "SSML": '<?xml version="1.0"?><speak><audio src="file:///etc/passwd"/><prosody rate="1%">a',
    "flag": "🇯🇵",
    "five thousand letters": "x" * 5000,
    "five thousand words": "lunch " * 5000,
    "five thousand kana": "あいう" * 1700,
    "five thousand kanji": "漢字会議" * 1250,
    "control characters": "a\x07b\x1b[31mc\x7f",
    "NUL": "会議\x00室",
    "only NUL": "\x00",
    "lone surrogate": "\ud83d",
    "right to left": "مرحبا بالعالم",
    "override": "\u202egnitem\u202c",
    "mark-up": "<speak><break time='99s'/>hi</speak>",
    "open tag": "<speak",
    "entity": "&lt;b&gt;",
    "phonemes": "[[h@l'oU]]",
    "placeholder": "{titles} {0} %s",
    "Cyrillic": "Привет мир",
    "Hangul": "안녕",
    "Thai": "ไทย",
    "hieroglyphs": "𓀀𓀁",
    "runes": "ᚠᚢ",
    "Chinese": "中文会议",
    "Indic digits": "१२३",
    "long number": "12345678901234567890" * 3,
    "combining": "e" + "\u0301" * 500,
    "one letter": "a",
    "small tsu": "っ",
    "long mark": "ー",
    "repeat mark": "々",
    "kaomoji": "(^_^)/",
    "marks": "!?!?…",
    "half": "½",
    "quotes": "」「",
    "dakuten": "か\u3099\u3099",
    "private use": "\ue000",
    "backslash": "\\e\\x00",
    "half width": "ﾃｽﾄ",
    "zero width": "\u200b\u2060",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def espeak() -> AsyncIterator[Speech]:
    voice = Speech(engines=[engine for engine in installed_engines() if engine.id == "espeak"])
    yield voice
    await voice.aclose()


@with_voice
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE.keys())
async def test_any_title_yields_a_sound_of_sane_length_without_flite_and_openjtalk(espeak, title):
    sound = await espeak.synthesise(say_start("pirate", [title], AT).spoken, VoiceChoice("pirate"))
    assert 2 < sound.seconds <= 20.01


@with_voice
@pytest.mark.parametrize("dialect", ["tsugaru", "pirate"])
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE.keys())
async def test_any_title_yields_a_sound_of_sane_length(speech, title, dialect):
    utterance = say_start(dialect, [title], AT)
    sound = await speech.synthesise(utterance.spoken, VoiceChoice(dialect))
    assert 3 < sound.seconds <= 20.01
    assert len(installed_voices().content_key(utterance.spoken, VoiceChoice(dialect))) == 64


@with_voice
@pytest.mark.parametrize("dialect", ["tsugaru", "pirate"])
async def test_text_of_any_length_does_not_hang_the_engine(speech, dialect):
    for text in ("漢字とkana " * 2000, "x" * 100_000, "<a>" * 5000 + "hi", "1:" * 3000):
        assert (await speech.synthesise(text, VoiceChoice(dialect))).seconds <= 20.01


SIGNS = "0123456789:/-~ aeTo1on会議。、!?<>()%&@#ーっ月日時"
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(SIGNS)))
# What the rules of readings look for, in any order.
PIECES = st.lists(
    st.sampled_from(
        [
            *(*SIGNS, *"$€¥£½¼⅓①²°℃〒.,+'年階円人個F×〜–", "am", "PM", "Dec", "Mon", "(金)", "v2", "http://"),
            *("w/", "No.", "km", "III", "St", "Dr.", "090", "1/2", "12/25", "2026", "10:30", "JPY", "Room"),
        ]
    ),
    max_size=14,
).map("".join)


@given(TEXT)
@settings(max_examples=300, deadline=None)
def test_any_title_is_safe_in_every_dialect(title):
    for dialect in dialects():
        utterance = say_start(dialect.id, [title], AT)
        bare = say_start(dialect.id, [""], AT)
        assert not {chr(code) for code in range(32)} & set(utterance.display + utterance.spoken)
        assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2069\u200f") & set(utterance.display)
        assert len(utterance.spoken) <= len(bare.spoken) + MAX_SPOKEN + 10
        assert len(utterance.display) <= len(bare.display) + MAX_DISPLAY + 10
        assert any(run.language == dialect.language for run in split_runs(utterance.spoken, dialect.language))


@given(TEXT | PIECES)
@example("0<-0")
@settings(max_examples=600, deadline=None)
def test_rewriting_is_idempotent(text):
    for rules in (japanese, english):
        assert rules.reading(rules.reading(text)) == rules.reading(text)


@given(TEXT)
@settings(max_examples=300, deadline=None)
def test_display_text_is_idempotent(text):
    assert display_text(display_text(text)) == display_text(text)


def test_narrow_spaces_are_spoken_as_spaces():
    assert english.reading("10:30\u202fpm sync") == "half past ten PM sync"
    assert japanese.reading("15\u202f分後") == "15分後"
    assert display_text("10:30\u202fpm") == "10:30 pm"


def test_every_control_format_and_enclosing_mark_is_removed_but_the_joiner_of_emoji():
    unwanted = [chr(code) for code in range(sys.maxunicode + 1)]
    unwanted = [char for char in unwanted if unicodedata.category(char) in {"Cc", "Cf", "Me"}]
    kept = {char for char in unwanted if display_text(f"a{char}b") not in ("ab", "a b")}
    assert kept == {"\u200d"}
