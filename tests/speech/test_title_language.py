"""Detection of title languages, and synthesis in the voice of each."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catflap.speech import Speech, VoiceChoice, installed_engines, language_of, say_start
from catflap.speech.engines.alphabets import SUPPORTED_LANGUAGES, split_by_voice, voice_for
from catflap.speech.language import Run, split_runs
from catflap.speech.segments import Segment, mark_segment, split_segments
from catflap.speech.title_language import title_language
from catflap.speech.titles import spoken_title
from tests.speech.phonemes_of import phonemes

pytestmark = pytest.mark.slow

with_voice = pytest.mark.asyncio(loop_scope="module")
AT = datetime.fromisoformat("2026-11-24T10:30+09:00")
LANGUAGES = {
    "ja": [
        "会議",
        "歯医者",
        "ランチ",
        "ﾗﾝﾁ",
        "お茶",
        "Zoom会議",
        "國學院大學",
        "齋藤",
        "頰",
        "剝離",
        "𠮟",
        "々",
    ],
    "zh": [
        "会议",
        "會議",
        "生日快乐",
        "看医生",
        "下午开会",
        "电话会议",
        "Zoom会议",
        "晚饭",
        "家長會",
        "你好",
        "生日",
        "學校",
    ],
    "yue": ["佢哋開會"],
    "ko": ["회의", "3월 회의", "Zoom 회의", "會 회의"],
    "ru": ["Встреча", "Zoom встреча", "день рождения"],
    "uk": ["Зустріч з Іваном", "Її день"],
    "sr": ["Љубавни састанак"],
    "ar": ["موعد الطبيب", "اجتماع"],
    "fa": ["جلسه با پزشک"],
    "ur": ["ڈاکٹر سے ملاقات"],
    "he": ["פגישה"],
    "el": ["Σύσκεψη"],
    "th": ["ประชุม"],
    "hi": ["बैठक"],
    "bn": ["বৈঠক"],
    "es": ["Reunión con José", "Cumpleaños de Ana", "Cena con Luis", "¿Qué tal?"],
    "de": [
        "Arzttermin",
        "Abholen 10 Uhr",
        "Zahnarzt Müller",
        "Zahnarzt",
        "Lunch mit Anna",
        "Meeting mit Müller",
        "Geburtstag von Ben",
        "Müll",
    ],
    "fr": ["Réunion d'équipe", "Rendez-vous médecin", "Dîner chez Paul"],
    "it": ["Riunione", "Pranzo con Marco"],
    "pt": ["Reunião", "Almoço com a Ana"],
    "nl": ["Vergadering", "Verjaardag van Piet"],
    "sv": ["Möte och fika"],
    "pl": ["Spotkanie", "Ślub Ani"],
    "tr": ["Toplantı", "Dişçi"],
    "vi": ["Họp nhóm"],
    "en": [
        *(
            "",
            "🎉",
            "1234",
            "Lunch",
            "Lunch with José",
            "Café meeting",
            "Zoë birthday",
            "Müller's birthday party",
        ),
        *("MIT lecture", "Los Angeles trip", "Las Vegas", "Van rental", "To do list", "I", "John's birthday"),
        *(
            "La La Land",
            "Die Hard movie night",
            "En route",
            "amazon.com order",
            "Cirque du Soleil",
            "Pokémon",
        ),
        *("ＡＢＣ", "Med school", "Naïve Bayes class", "lunch ᚠᚢ", "Call Ренат about the long weekend"),
    ],
    "und": ["ᚠᚢ", "ວຽງຈັນ", "ប្រជុំ"],
}


@pytest.mark.parametrize(
    ("text", "language"), [(text, code) for code, texts in LANGUAGES.items() for text in texts]
)
def test_the_language_of_a_title_is_detected(text: str, language: str) -> None:
    assert title_language(text) == language
    assert language_of(text) == ("ja" if language == "ja" else "en")


GOLDEN = {
    "会议": "χˈuei5 jˈi5",
    "生日": "s.ə5ŋʐˈi.1",
    "회의": "hweˈɯj",
    "موعد الطبيب": "mˈawʕid ʔat̪ˈabiːb",
    "Встреча": "fstrʲˈetʃʲʌ",
    "Zoom встреча": "zˈuːm fstrʲˈetʃʲʌ",
    "Reunión con José": "reʊnjˈon kon xosˈe",
    "Zahnarzt Müller": "tsˈɑːnaɾtst mˈʏlɜ",
    "10:30 Termin": "tsˈeːn uːɾ dɾˈaɪsɪç tɛɾmˈiːn",
    "3월 회의": "sˈɐm wˈʌɫ hweˈɯj",
    "Σύσκεψη": "sˈiscepsˌi",
}


def test_the_engine_pronounces_titles_in_their_languages() -> None:
    spoken = {title: split_segments(spoken_title(title, "en")) for title in GOLDEN}
    assert all(len(services) == 1 for services in spoken.values())
    questions = [(part.text, "en-us+f4", part.language) for (part,) in spoken.values()]
    assert dict(zip(spoken, phonemes(*questions), strict=True)) == GOLDEN


def test_the_engine_has_a_voice_for_every_detected_language() -> None:
    assert {code for code in LANGUAGES if code not in ("ja", "und")} <= SUPPORTED_LANGUAGES
    assert all(phonemes(*((voice_for(code), "en-us+f4", code) for code in sorted(SUPPORTED_LANGUAGES))))


def test_text_is_split_by_alphabet_and_voice() -> None:
    assert split_by_voice("Zoom встреча 5", "en-us+f4", "ru") == [
        ("en-us+f4", "Zoom"),
        ("ru+f4", " встреча 5"),
    ]
    assert split_by_voice("3월 회의", "en-us", "ko") == [("ko", "3월 회의")]
    assert split_by_voice("Müller trifft Иван", "en-us", "de") == [("de", "Müller trifft "), ("ru", "Иван")]
    assert split_by_voice("Hi Иван", "en-us") == [("en-us", "Hi "), ("ru", "Иван")]
    assert split_by_voice("ᚠᚢ", "en-us") == [("en-us", "ᚠᚢ")]


def test_marked_segments_are_split_again() -> None:
    spoken = f"It's time for {mark_segment('ko', '회의')} and {mark_segment('zh', '会议')}."
    assert split_segments(spoken) == [
        Segment("", "It's time for "),
        Segment("ko", "회의"),
        Segment("", " and "),
        Segment("zh", "会议"),
        Segment("", "."),
    ]


@given(st.text() | st.text("⟦⟧:zhko 会议회의ab"))
@settings(max_examples=300, deadline=None)
def test_a_title_cannot_forge_a_mark(title: str) -> None:
    for language in ("ja", "en"):
        spoken = spoken_title(title, language)
        assert spoken.count("⟦") == spoken.count("⟧") <= 1
        if "⟦" in spoken:
            assert [part.language for part in split_segments(spoken)] == [title_language(title)]


def test_chinese_in_free_text_is_not_read_as_japanese() -> None:
    assert split_runs("Remember 会议 and 会議.", "en") == [
        Run("en", "Remember "),
        Run("en", "会议", "zh"),
        Run("en", " and "),
        Run("ja", "会議"),
    ]


@with_voice
@pytest.mark.parametrize(
    "title", ["会议", "회의", "موعد الطبيب", "Встреча", "Reunión con José", "Zahnarzt Müller"]
)
@pytest.mark.parametrize("dialect", ["plain", "kansai"])
async def test_a_title_in_another_language_is_synthesised(speech: Speech, title: str, dialect: str) -> None:
    words = say_start(dialect, [title], AT).spoken
    sound = await speech.synthesise(words, VoiceChoice(dialect))
    assert 1.5 < sound.seconds < 10
    # The sentence around it is there too.
    (alone,) = [mark_segment(*part) for part in split_segments(words) if part.language]
    assert sound.seconds > (await speech.synthesise(alone, VoiceChoice(dialect))).seconds + 0.5


@with_voice
@pytest.mark.parametrize("title", ["회의", "ᚠᚢ", "会议"])
async def test_without_a_voice_for_its_language_a_title_is_an_appointment(title: str) -> None:
    japanese = Speech(engines=[engine for engine in installed_engines() if engine.id == "openjtalk"])
    spoken = say_start("kansai", [title], AT).spoken
    sound = await japanese.synthesise(spoken, VoiceChoice("kansai"))
    plain = await japanese.synthesise(say_start("kansai", [""], AT).spoken, VoiceChoice("kansai"))
    await japanese.aclose()
    assert sound.seconds == pytest.approx(plain.seconds, abs=0.8)


@with_voice
async def test_invalid_marks_are_spoken_without_an_error(speech: Speech) -> None:
    sound = await speech.synthesise("It is ⟦xx:time⟧ for ⟦ko:⟧ ⟦lunch⟧ ⟧⟦.", VoiceChoice("plain"))
    assert 1 < sound.seconds < 10
