"""Kokoro, where its extra is installed: checked files, own limits, phonemes by another process."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import psutil
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from catflap.speech import (
    Engine,
    Speech,
    SpeechFailed,
    VoiceChoice,
    choose_engines,
    dialects,
    installed_engines,
)
from catflap.speech.engine_process import EngineProcess
from catflap.speech.phrasebooks import phrasebook
from catflap.speech.protocol import SynthesisRequest
from tests.support.voices import quick_engines

KOKORO: Engine = next((engine for engine in installed_engines() if engine.id == "kokoro"), None)  # type: ignore[assignment]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        KOKORO is None, reason="KOKORO IS NOT TESTED: pip install 'catflap[kokoro,english,mia]'"
    ),
    pytest.mark.xdist_group("kokoro"),
    pytest.mark.asyncio(loop_scope="module"),
]

RATE = 16_000
LUNCH = "Lunch with Sarah in ten minutes."
GIB = 1024**3


def request(text: str, voice: str = "af_heart", **settings: float) -> SynthesisRequest:
    return SynthesisRequest(text, {"voice": voice, **settings}, RATE, 18.0, 120.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kokoro() -> AsyncIterator[EngineProcess]:
    process = EngineProcess(KOKORO.command, timeout=120)
    yield process
    await process.aclose()


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


async def test_a_sentence_is_spoken_and_equal_texts_give_equal_sounds(kokoro):
    first = await kokoro.synthesise(request(LUNCH))
    assert 1.2 < seconds(first) < 3.5
    await kokoro.synthesise(request("Tea.", speed=1.2))
    assert await kokoro.synthesise(request(LUNCH)) == first
    async with aclosing(EngineProcess(KOKORO.command, timeout=120)) as fresh:
        assert await fresh.synthesise(request(LUNCH)) == first


async def test_japanese_is_spoken_by_a_japanese_voice(kokoro):
    assert 1.0 < seconds(await kokoro.synthesise(request("会議は三時からです。", "jf_alpha"))) < 4


async def test_speed_and_tempo_shorten_a_sentence(kokoro):
    usual = seconds(await kokoro.synthesise(request(LUNCH)))
    faster = seconds(await kokoro.synthesise(request(LUNCH, speed=1.1, tempo=1.1)))
    assert faster == pytest.approx(usual / 1.21, rel=0.1)


@pytest.mark.parametrize(
    "text",
    ["x", "!?", "[[h@l'oU]] <speak> $(id)", "Обед", "9" * 60, "a\x00b\n\r", "\ud83d"],
    ids=["letter", "marks", "markup", "Cyrillic", "digits", "controls", "surrogate"],
)
async def test_any_text_gives_a_sound_or_a_clear_error_and_the_process_lives_on(kokoro, text):
    before = kokoro.pid
    try:
        assert seconds(await kokoro.synthesise(request(text))) > 0.1
    except SpeechFailed as failed:
        assert failed.code in ("speech_empty", "speech_refused")
    assert kokoro.pid == before


async def test_an_unknown_voice_is_refused(kokoro):
    for voice in ("af_nobody", "", "../../etc/passwd"):
        with pytest.raises(SpeechFailed) as failure:
            await kokoro.synthesise(request(LUNCH, voice))
        assert failure.value.code == "speech_refused"


async def test_espeak_is_loaded_in_a_process_of_its_own_only(kokoro):
    await kokoro.synthesise(request("Tea."))
    engine = psutil.Process(kokoro.pid)
    (phonemes,) = engine.children()
    loaded = [{one.path for one in process.memory_maps()} for process in (engine, phonemes)]
    assert ["libespeak" in " ".join(paths) for paths in loaded] == [False, True]
    assert ["onnxruntime" in " ".join(paths) for paths in loaded] == [True, False]


async def test_the_process_has_its_own_limits(kokoro):
    await kokoro.synthesise(request("Tea."))
    engine = psutil.Process(kokoro.pid)
    assert engine.rlimit(psutil.RLIMIT_AS) == (2 * GIB, 2 * GIB)
    assert engine.nice() == 10
    assert engine.memory_info().rss < GIB


async def test_the_phoneme_program_is_started_again_after_it_ended(kokoro):
    await kokoro.synthesise(request("Tea."))
    engine = psutil.Process(kokoro.pid)
    (phonemes,) = engine.children()
    phonemes.kill()
    with pytest.raises(SpeechFailed) as failure:
        await kokoro.synthesise(request("Tea."))
    assert failure.value.code == "speech_refused"
    assert await kokoro.synthesise(request("Tea."))
    assert kokoro.pid == engine.pid


async def test_both_processes_end_with_their_parent():
    process = EngineProcess(KOKORO.command, timeout=120)
    await process.synthesise(request("Tea."))
    engine = psutil.Process(process.pid)
    family = [engine, *engine.children()]
    assert len(family) == 2
    await process.aclose()
    assert psutil.wait_procs(family, timeout=15)[1] == []


@pytest.mark.parametrize(
    "broken", ["_MODEL_SHA256", "_VOCABULARY_SHA256", "_JAPANESE_VOICES_SHA256", "af_heart"]
)
async def test_changed_files_are_not_loaded(monkeypatch, broken):
    """The processes run the real check; here, what it expects is another file."""
    model = pytest.importorskip("catflap.speech.engines.kokoro_model")
    if broken == "af_heart":
        monkeypatch.setattr(model, "_OWN_VOICES_SHA256", {"af_heart": "0" * 64})
    else:
        monkeypatch.setattr(model, broken, "0" * 64)
    with pytest.raises(model.ChangedFiles):
        model.KokoroModel().speak("tˈi", "af_heart", 1.0)


async def test_each_english_dialect_and_standard_japanese_have_a_voice_that_exists():
    model = pytest.importorskip("catflap.speech.engines.kokoro_model")
    shipped = set(model.KokoroModel()._voices)
    assert shipped == {"af_heart", "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"}
    books = [phrasebook(one.id) for one in dialects() if one.language == "en"]
    for book in books:
        assert book.voices["kokoro"]["voice"] in shipped and book.voices["kokoro"]["voice"][0] == "a"
    assert phrasebook("standard").voices["kokoro"]["voice"] in shipped


async def test_a_sentence_of_two_languages_is_spoken_by_one_engine_in_two_voices():
    async with aclosing(Speech(engines=[KOKORO], timeout=120)) as speech:
        sound = await speech.synthesise("Time for 会議", VoiceChoice("kitten"))
    assert 2 < sound.seconds < 7


async def test_another_engine_speaks_when_kokoro_can_not():
    (english, *_) = [engine for engine in quick_engines() if "en" in engine.languages]
    small = Engine("kokoro", "kokoro", ("/bin/false",), KOKORO.languages)
    async with aclosing(Speech(engines=[small, english], timeout=20)) as speech:
        with capture_logs() as logs:
            assert (await speech.synthesise("Lunch with Sarah.", VoiceChoice("plain"))).seconds > 2
    (warning,) = logs
    assert warning["engine"] == "kokoro" and warning["code"] == "speech_crashed"
    assert "Sarah" not in str(logs)


async def test_the_soft_voice_is_a_matter_of_the_order():
    chosen = choose_engines(installed_engines(), ["kokoro", "openjtalk"])
    async with aclosing(Speech(engines=chosen, timeout=120)) as speech:
        await speech.synthesise("会議です", VoiceChoice("kansai"))
        started = {id_ for id_, process in speech._processes.items() if process.pid}
    assert started == {"kokoro"}
