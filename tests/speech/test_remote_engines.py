"""Speech servers over HTTP: asked only when they are switched on, and never waited for twice."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import psutil
import pytest
import structlog

from catflap.errors import OperatorMustAct
from catflap.settings import Settings
from catflap.speech import Speech, VoiceChoice, Voices, installed_engines, voices_of
from tests.support.speech_server import SpeechServer, speech_server
from tests.support.tone import tone_wav
from tests.support.voices import quick_engines

pytestmark = pytest.mark.slow

TITLE = "Lunch with Sarah in ten minutes."
KEY = "sk-a-made-up-secret"
LOCAL = [engine for engine in installed_engines() if engine.id == "espeak"]


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with speech_server() as served:
        yield served


def openai(url: str, **more: Any) -> Settings:
    return Settings(openai_speech_url=url, openai_speech_key=KEY, **{"openai_speech_pitch": 1.0, **more})


def speech_of(settings: Settings) -> Speech:
    """Speech with the servers of the settings, and eSpeak NG after them."""
    remote = [engine for engine in voices_of(settings).engines if engine.timeout is not None]
    return Speech(engines=[*remote, *LOCAL])


async def say(settings: Settings, text: str = TITLE, dialect: str = "kitten") -> bytes:
    async with aclosing(speech_of(settings)) as speech:
        return (await speech.synthesise(text, VoiceChoice(dialect))).wav


@pytest.fixture(scope="module")
def local() -> Callable[[], bytes]:
    async def made() -> bytes:
        async with aclosing(Speech(engines=LOCAL)) as speech:
            return (await speech.synthesise(TITLE, VoiceChoice("kitten"))).wav

    found = asyncio.run(made())
    return lambda: found


async def test_an_openai_compatible_server_speaks(server: SpeechServer, local: Callable[[], bytes]) -> None:
    settings = openai(server.url, openai_speech_model="kokoro", openai_speech_voice="af_heart")
    assert await say(settings) != local()
    (request,) = server.requests
    assert request.path == "/v1/audio/speech"
    assert request.json == {
        "model": "kokoro",
        "voice": "af_heart",
        "input": TITLE,
        "response_format": "wav",
    }
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("path", ["", "/v1", "/v1/audio/speech", "/v1/"])
async def test_its_address_may_be_a_host_a_base_or_the_operation(server: SpeechServer, path: str) -> None:
    await say(openai(server.url + path))
    assert [request.path for request in server.requests] == ["/v1/audio/speech"]


async def test_a_voicevox_compatible_server_speaks_japanese(server: SpeechServer) -> None:
    settings = Settings(voicevox_url=server.url + "/engine", voicevox_speaker=8)
    await say(settings, "会議です", "kansai")
    asked, made = server.requests
    assert (asked.path, asked.query) == ("/engine/audio_query", {"text": "会議です", "speaker": "8"})
    assert (made.path, made.query) == ("/engine/synthesis", {"speaker": "8"})
    assert made.json == json.loads(server.query)
    assert "authorization" not in asked.headers


async def test_a_language_that_a_server_does_not_speak_stays_here(server: SpeechServer) -> None:
    assert await say(Settings(voicevox_url=server.url))
    assert await say(openai(server.url, openai_speech_languages="ja"))
    assert server.requests == []


async def test_without_settings_no_server_is_asked() -> None:
    assert voices_of(Settings(voices=())).engines == installed_engines()
    assert voices_of(Settings()).engines == quick_engines()


FORMS = [
    (rate, channels, width)
    for rate in (8_000, 24_000, 48_000)
    for channels in (1, 2)
    for width in (1, 2, 3, 4)
]


@pytest.mark.parametrize(("rate", "channels", "width"), FORMS)
def test_every_form_of_wav_is_the_same_tone(rate: int, channels: int, width: int) -> None:
    read_wav = pytest.importorskip("catflap.speech.engines.wav_reading").read_wav
    samples, found = read_wav(tone_wav(0.5, rate, channels=channels, width=width))
    assert found == rate
    assert len(samples) == rate // 2
    assert 0.49 < abs(samples).max() < 0.51
    assert abs(samples.mean()) < 0.01


async def test_a_long_text_is_asked_for_again_and_faster(server: SpeechServer) -> None:
    server.content = tone_wav(22.0, 8_000)
    await say(openai(server.url, openai_speech_speed=1.1))
    speeds = [request.json["speed"] for request in server.requests]
    assert speeds[0] == 1.1
    assert 1.1 < float(str(speeds[1])) <= 1.1 * 1.25 + 0.01


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "401": {"status": 401},
    "404": {"status": 404},
    "429": {"status": 429},
    "422": {"status": 422},
    "204": {"status": 204, "content": b""},
    "30 MB": {"content": tone_wav(1.0)[:40] + (30_000_000).to_bytes(4, "little") + bytes(30_000_000)},
    "HTML": {"content_type": "text/html", "content": b"<html>Sign in</html>"},
    "HTML as WAV": {"content": b"<html>Sign in</html>"},
    "nothing": {"content": b""},
    "only a header": {"content": tone_wav()[:44]},
    "truncated": {"content": tone_wav()[:20_000]},
    "cut off": {"promised": 100_000},
    "an hour": {"content": tone_wav(61.0, 8_000, width=1)},
    "silence": {"content": tone_wav(peak=0.0)},
    "near silence": {"content": tone_wav(peak=0.00003)},
    "a click": {"content": tone_wav(0.02)},
    "not a number": {"content": tone_wav(0.5, width=4)[:-4] + b"\x00\x00\xc0\x7f"},
    "no channels": {"content": tone_wav()[:22] + b"\x00\x00" + tone_wav()[24:]},
    "rate 0": {"content": tone_wav()[:24] + bytes(4) + tone_wav()[28:]},
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_what_is_no_speech_is_said_by_a_local_engine(
    faults: dict[str, Any], local: Callable[[], bytes]
) -> None:
    async with speech_server(**faults) as server:
        assert await say(openai(server.url)) == local()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "faults", [{"hangs": True}, {"drips": True, "promised": 10_000_000}], ids=["hangs", "drips"]
)
async def test_a_server_that_does_not_finish_is_given_up(
    faults: dict[str, Any], local: Callable[[], bytes]
) -> None:
    async with speech_server(**faults) as server:
        assert await say(openai(server.url, speech_timeout=1.0)) == local()


@pytest.mark.parametrize(
    "query", [b"[]", b"nonsense", b"", b"{" * 2_000_000], ids=["list", "text", "empty", "long"]
)
async def test_a_wrong_audio_query_is_no_speech(query: bytes) -> None:
    async with (
        speech_server(query=query) as server,
        aclosing(speech_of(Settings(voicevox_url=server.url, openai_speech_url=server.url))) as speech,
    ):
        # The next engine for Japanese is the other server here.
        await speech.synthesise("会議です", VoiceChoice("kansai"))
        assert [request.path for request in server.requests] == ["/audio_query", "/v1/audio/speech"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(
    server: SpeechServer, status: int, local: Callable[[], bytes]
) -> None:
    async with speech_server(status=status, headers=(f"Location: {server.url}/v1/audio/speech",)) as first:
        assert await say(openai(first.url)) == local()
        assert len(first.requests) == 1
    assert server.requests == []


async def test_a_server_that_is_away_is_asked_twice_and_then_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = openai(f"http://127.0.0.1:{port}")
    with structlog.testing.capture_logs() as logs:
        async with aclosing(speech_of(settings)) as speech:
            for text in ("One.", "Two.", "Three.", "Four."):
                assert (await speech.synthesise(text, VoiceChoice("kitten"))).wav
    assert [entry["reason"] for entry in logs if entry["event"] == "speech_server_failed"] == [
        "no_connection"
    ] * 2
    assert KEY not in str(logs) and "Three" not in str(logs)


async def test_many_sentences_at_once_do_not_wait_for_a_server_one_after_the_other() -> None:
    async with (
        speech_server(hangs=True) as server,
        aclosing(speech_of(openai(server.url, speech_timeout=1.0))) as speech,
    ):
        texts = [f"Sentence {n}." for n in range(8)]
        await asyncio.gather(*(speech.synthesise(text, VoiceChoice("kitten")) for text in texts))
        assert len(server.requests) == 2


async def test_what_another_engine_said_for_a_server_is_marked(server: SpeechServer) -> None:
    async with aclosing(speech_of(openai(server.url))) as speech:
        assert not (await speech.synthesise(TITLE, VoiceChoice("kitten"))).is_substitute
        server.status = 500
        assert (await speech.synthesise(TITLE, VoiceChoice("kitten"))).is_substitute
    async with aclosing(Speech(engines=LOCAL)) as speech:
        assert not (await speech.synthesise(TITLE, VoiceChoice("kitten"))).is_substitute


async def test_a_text_that_is_refused_does_not_close_a_server_for_the_others(server: SpeechServer) -> None:
    async with aclosing(speech_of(openai(server.url))) as speech:
        server.status = 422
        for text in ("One.", "Two.", "Three."):
            await speech.synthesise(text, VoiceChoice("kitten"))
        server.status = 200
        before = len(server.requests)
        await speech.synthesise("Four.", VoiceChoice("kitten"))
        assert (before, len(server.requests)) == (3, 4)


async def test_its_process_gets_the_key_and_no_other_does(server: SpeechServer) -> None:
    async with aclosing(speech_of(openai(server.url))) as speech:
        await speech.synthesise(TITLE, VoiceChoice("kitten"))
        server.status = 500
        await speech.synthesise(TITLE, VoiceChoice("kitten"))
        children = psutil.Process().children(recursive=True)
        ours = [child for child in children if "catflap.speech.engines" in str(child.cmdline())]
        assert len(ours) == 2
        for child in ours:
            assert KEY not in str(child.cmdline())
            is_asking = "openai_speech" in str(child.cmdline())
            environment = str(child.environ())
            assert (KEY in environment) == is_asking


def test_the_engines_show_no_key() -> None:
    voices = voices_of(openai("https://speech.example"))
    assert KEY not in repr(voices)


def test_the_key_of_a_sound_has_the_voice_and_not_the_address() -> None:
    def key(**settings: Any) -> str:
        return voices_of(openai(**{"url": "https://a.example", **settings})).content_key(
            TITLE, VoiceChoice("kitten")
        )

    assert key() == key(url="https://b.example/v1")
    others = (
        {"openai_speech_model": "x"},
        {"openai_speech_voice": "x"},
        {"openai_speech_speed": 1.2},
        {"openai_speech_pitch": 1.3},
        {"openai_speech_languages": "ja"},
    )
    assert len({key(), *(key(**other) for other in others)}) == 6
    speakers = {
        voices_of(Settings(voicevox_url="https://a.example", voicevox_speaker=n)).version for n in (1, 2)
    }
    assert len(speakers | {Voices(installed_engines()).version}) == 3


async def test_equal_answers_give_equal_sounds_at_cat_pitch(server: SpeechServer) -> None:
    raised = [await say(openai(server.url, openai_speech_pitch=1.4)) for _ in range(2)]
    assert raised[0] == raised[1] != await say(openai(server.url))
    assert len({hashlib.sha256(one).hexdigest() for one in raised}) == 1


def test_without_the_packages_of_a_voice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catflap.speech.remote_engines.find_spec", lambda _: None)
    with pytest.raises(OperatorMustAct, match=r"catflap\[mia\].*CATFLAP_VOICEVOX_URL"):
        voices_of(Settings(voicevox_url="http://127.0.0.1:50021"))
