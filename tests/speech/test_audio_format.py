"""Sounds in the formats and at the rates that devices ask for."""

import io
from pathlib import Path

import pytest
import soundfile

from catflap.errors import BadRequest, OperatorMustAct
from catflap.speech import RENDERED_AUDIO, AudioFormat, SpeechFailed, check_available, encode
from tests.support.tone import tone_wav

RATES = (8000, 16000, 22050, 24000, 44100, 48000)
FORMATS = [
    AudioFormat(codec, rate)
    for codec in ("wav", "mp3", "opus", "flac")
    for rate in RATES
    if codec != "opus" or rate not in (22050, 44100)
]
FIRST_BYTES = {
    "wav": (b"RIFF",),
    "mp3": (b"\xff\xf3", b"\xff\xfb", b"\xff\xe3"),
    "opus": (b"OggS",),
    "flac": (b"fLaC",),
}


@pytest.mark.parametrize("audio", FORMATS, ids=str)
async def test_every_format_and_rate_decodes_to_the_same_sound(audio: AudioFormat) -> None:
    content = await encode(tone_wav(1.5), audio)
    assert content.startswith(FIRST_BYTES[audio.codec])
    samples, rate = soundfile.read(io.BytesIO(content))
    # Opus is always decoded at 48 kHz or, by libsndfile, at the rate of its input.
    assert rate == audio.rate
    # MP3 begins and ends with a whole frame, 1152 samples at most.
    assert 1.5 <= len(samples) / rate < 1.5 + 2 * 1152 / rate
    assert 0.4 < abs(samples).max() < 0.6


@pytest.mark.parametrize(("codec", "kilobits"), [("mp3", 33), ("opus", 34)])
async def test_speech_formats_are_small(codec: str, kilobits: int) -> None:
    content = await encode(tone_wav(6.0), AudioFormat(codec))
    assert len(content) * 8 / 6.0 < 1000 * kilobits


async def test_the_rendered_format_is_passed_through_without_the_encoder() -> None:
    assert await encode(b"anything", RENDERED_AUDIO) == b"anything"


async def test_full_scale_does_not_wrap() -> None:
    content = await encode(tone_wav(0.5, peak=1.0), AudioFormat("flac", 22050))
    samples, _ = soundfile.read(io.BytesIO(content))
    steps = abs(samples[1:] - samples[:-1]).max()
    assert steps < 0.2


@pytest.mark.parametrize(
    "wav", [b"", b"RIFF", b"<html>", tone_wav()[:30]], ids=["empty", "RIFF", "HTML", "cut"]
)
async def test_what_is_no_wav_is_not_encoded(wav: bytes) -> None:
    with pytest.raises(SpeechFailed) as failed:
        await encode(wav, AudioFormat("mp3"))
    assert failed.value.code == "speech_not_encoded"


@pytest.mark.parametrize(("codec", "rate"), [("aac", 16000), ("mp3", 11111), ("opus", 44100), ("", 0)])
def test_other_formats_are_refused(codec: str, rate: int) -> None:
    with pytest.raises(BadRequest):
        AudioFormat(codec, rate)


@pytest.mark.parametrize("audio", FORMATS, ids=str)
def test_the_text_of_a_format_names_it(audio: AudioFormat) -> None:
    assert AudioFormat.parse(str(audio)) == audio


def test_the_suffix_of_a_file_names_its_format() -> None:
    found = {
        name: AudioFormat.of_file(Path(name)).codec
        for name in ("a.WAV", "b.mp3", "c.opus", "d.ogg", "e.flac")
    }
    assert list(found.values()) == ["wav", "mp3", "opus", "opus", "flac"]
    for name in ("a", "a.aac", "mp3"):
        with pytest.raises(BadRequest, match=r"\.wav, \.mp3"):
            AudioFormat.of_file(Path(name))


async def test_without_the_extra_only_the_rendered_format_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catflap.speech.audio_format.find_spec", lambda _: None)
    check_available(RENDERED_AUDIO)
    with pytest.raises(BadRequest) as refused:
        check_available(AudioFormat("wav", 24000))
    assert refused.value.code == "format_unavailable"

    def missing(_: str) -> None:
        raise ModuleNotFoundError(name="soundfile")

    monkeypatch.setattr("catflap.extras.import_module", missing)
    with pytest.raises(OperatorMustAct, match=r"catflap\[formats\]"):
        await encode(tone_wav(), AudioFormat("mp3"))
