"""What a choice of pitch and engine changes: which engine is asked, with which settings, and the keys."""

from dataclasses import replace

import numpy as np
import pytest

from catflap.speech import Engine, Speech, VoiceChoice, Voices
from catflap.speech.engines import engines_for
from catflap.speech.language import Run
from catflap.speech.synthesis import voice_settings
from tests.support.voices import quick_engines

OPENJTALK = Engine("openjtalk", "openjtalk", (), frozenset({"ja"}))
KOKORO = Engine("kokoro", "kokoro", (), frozenset({"ja", "en"}), str.isascii)
ESPEAK = Engine("espeak", "espeak", (), frozenset({"en", "ru"}))
SERVER = Engine("voicevox", "voicevox", (), frozenset({"ja"}), timeout=5)
LOUD = Engine("loud", "loud", (), frozenset({"en"}), voice={"pitch_factor": 2.4})
ALL = (SERVER, OPENJTALK, KOKORO, ESPEAK)
LUNCH, MEETING = Run("en", "Lunch"), Run("ja", "会議")


@pytest.mark.parametrize(
    ("run", "chosen", "asked"),
    [
        (MEETING, None, ["voicevox", "openjtalk", "kokoro"]),
        (MEETING, "voicevox", ["voicevox", "openjtalk", "kokoro"]),
        (LUNCH, "espeak", ["espeak", "kokoro"]),
        (LUNCH, "gone", ["kokoro", "espeak"]),
        (LUNCH, "openjtalk", ["kokoro", "espeak"]),
        (Run("en", "Обед"), "kokoro", ["espeak", "kokoro"]),
        (Run("en", "Обед", "ru"), "kokoro", ["espeak"]),
    ],
)
def test_a_chosen_engine_comes_first_where_it_speaks_and_can_read(run, chosen, asked):
    assert [engine.id for engine in engines_for(run, ALL, chosen)] == asked


def test_no_server_is_asked_where_an_engine_of_this_machine_is_chosen():
    assert [engine.id for engine in engines_for(MEETING, ALL, "openjtalk")] == ["openjtalk", "kokoro"]


def test_each_part_of_a_text_has_the_engine_of_its_language():
    voice = VoiceChoice("kitten", engine_ja="openjtalk", engine_en="espeak")
    assert (voice.engine("ja"), voice.engine("en")) == ("openjtalk", "espeak")


def test_the_pitch_multiplies_that_of_the_dialect_for_every_engine():
    settings = [voice_settings(LUNCH, VoiceChoice("kitten", pitch), KOKORO) for pitch in (0, 12, -12)]
    assert [one["pitch_factor"] for one in settings] == [1.5, 2.5, 0.75]
    usual, higher = (voice_settings(LUNCH, VoiceChoice("kitten", pitch), ESPEAK) for pitch in (0, 6))
    assert higher == {**usual, "pitch_factor": pytest.approx(2**0.5, abs=1e-4)}
    assert voice_settings(LUNCH, VoiceChoice("kitten", 6), LOUD)["pitch_factor"] == 2.5


def test_only_a_choice_that_changes_the_sound_changes_its_key():
    voices, usual = Voices(ALL), VoiceChoice("kitten")
    key = voices.content_key("Lunch", usual)
    for same in ({"engine_en": "kokoro"}, {"engine_en": "gone"}, {"engine_ja": "openjtalk"}):
        assert voices.content_key("Lunch", replace(usual, **same)) == key
    others = [
        voices.content_key("Lunch", replace(usual, **other))
        for other in ({"pitch": 1}, {"pitch": -1}, {"engine_en": "espeak"})
    ]
    assert len({key, *others}) == 4


def test_the_wording_of_an_announcement_changes_with_its_voice():
    voices = Voices(ALL)
    choices = [VoiceChoice("kitten"), VoiceChoice("kitten", 1), VoiceChoice("kitten", engine_en="espeak")]
    assert len({voices.wording_key("same", one) for one in choices}) == 3


def fundamental(wav: bytes) -> float:
    """Return the commonest fundamental of 20 ms frames in Hz, by autocorrelation."""
    samples = np.frombuffer(wav[44:], "<i2").astype(float)
    found = []
    for start in range(0, len(samples) - 800, 400):
        frame = samples[start : start + 800]
        if np.abs(frame).max() < 3000:
            continue
        same = np.correlate(frame, frame, "full")[799:]
        lag = 20 + int(np.argmax(same[20:200]))
        if same[lag] > 0.6 * same[0]:
            found.append(16_000 / lag)
    return float(np.median(found))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["standard", "plain"])
async def test_every_engine_speaks_higher_and_lower_and_as_long(dialect):
    language = "ja" if dialect == "standard" else "en"
    text = "まもなく会議の時間です" if language == "ja" else "It is time for the meeting"
    engines = [engine for engine in quick_engines() if language in engine.languages]
    assert engines
    speech = Speech(engines=engines)
    try:
        for engine in engines:
            choice = {f"engine_{language}": engine.id}
            low, usual, high = [
                await speech.synthesise(text, VoiceChoice(dialect, pitch, **choice)) for pitch in (-4, 0, 4)
            ]
            assert low.seconds == pytest.approx(usual.seconds, abs=0.1)
            assert high.seconds == pytest.approx(usual.seconds, abs=0.1)
            pitches = [fundamental(sound.wav) for sound in (low, usual, high)]
            assert pitches[0] < 0.9 * pitches[1] < 0.9 * 0.9 * pitches[2], engine.id
    finally:
        await speech.aclose()
