"""Outputs: the first sample at its time, the volume, the sound card of miniaudio, programs, folders."""

import io
import threading
import time
import wave
from collections.abc import Generator
from pathlib import Path

import pytest

from catflap.errors import BadRequest, OperatorMustAct
from catflap.player import outputs
from catflap.player.outputs import Folder, Program, SoundCard, choose_output, timed_blocks
from catflap.player.pcm import Pcm, read_wav
from tests.support.tone import tone_wav

RATE = 1_000
SOUND = Pcm(bytes(range(1, 201)), RATE)


def played_blocks(monkeypatch: pytest.MonkeyPatch, start_at: float, *, count: int = 7) -> bytes:
    """What a card gets that asks for `count` samples at a time; the clock goes with the samples."""
    now, played, got = 0.0, threading.Event(), b""
    monkeypatch.setattr(outputs.time, "monotonic", lambda: now)
    blocks = timed_blocks(SOUND, start_at, 0.0, played)
    next(blocks)
    while not played.is_set():
        block = blocks.send(count)
        assert len(block) == 2 * count
        got += block
        now += count / RATE
    return got


@pytest.mark.parametrize("start_at", [0.0, 0.001, 0.003, 0.007, 0.1, 0.25])
def test_the_first_sample_is_at_its_time_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch, start_at: float
) -> None:
    got = played_blocks(monkeypatch, start_at)
    lead = 2 * round(start_at * RATE)
    assert got[:lead] == bytes(lead)
    assert got[lead:].rstrip(b"\0") == SOUND.samples


def test_a_sound_that_is_late_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played_blocks(monkeypatch, -3.0).rstrip(b"\0") == SOUND.samples


async def test_a_sound_card_plays_to_the_last_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    card, handed_over = SoundCard("NULL"), list[threading.Event]()

    def noted(
        sound: Pcm, start_at: float, latency: float, played: threading.Event
    ) -> Generator[bytes, int, None]:
        handed_over.append(played)
        return timed_blocks(sound, start_at, latency, played)

    monkeypatch.setattr(outputs, "timed_blocks", noted)
    assert await card.play(read_wav(tone_wav(0.2)), time.monotonic())
    assert [one.is_set() for one in handed_over] == [True]


def test_without_a_sound_card_a_program_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SoundCard", no_sound_card)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatorMustAct, match="--record") as refused:
        choose_output(None)
    assert refused.value.code == "no_speaker"
    program = tmp_path / "aplay"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert choose_output(None).name == "aplay"


def no_sound_card() -> SoundCard:
    raise OperatorMustAct("no_speaker", "There is none.")


async def test_a_program_gets_the_sound_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.wav"
    program = tmp_path / "aplay"
    program.write_text(f'#!/bin/sh\nexec /bin/cp "$2" {copy}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sound = read_wav(tone_wav(0.1))
    assert await Program().play(sound, time.monotonic())
    assert read_wav(copy.read_bytes()) == sound


async def test_a_folder_gets_a_file_of_each_sound(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "said")
    sound = read_wav(tone_wav(0.1))
    assert await folder.play(sound, time.monotonic())
    (file,) = (tmp_path / "said").iterdir()
    assert read_wav(file.read_bytes()) == sound
    file.unlink()
    (tmp_path / "said").rmdir()
    assert not await folder.play(sound, time.monotonic())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorMustAct, match="Can't make"):
        Folder(tmp_path / "file" / "said")


def test_volume_is_squared_and_never_raises_a_sample() -> None:
    loud = read_wav(tone_wav(0.1, peak=1.0))
    assert loud.at_volume(100) == loud
    assert set(loud.at_volume(0).samples) <= {0, 0xFF}
    assert peak(loud.at_volume(50)) == pytest.approx(peak(loud) / 4, abs=1)


def peak(sound: Pcm) -> int:
    values = memoryview(sound.samples).cast("h")
    return max(values)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", tone_wav(channels=2), tone_wav(width=1), tone_wav()[:20], b"\0" * 5_000],
    ids=["empty", "torn", "stereo", "8 bits", "torn in the header", "zeros"],
)
def test_what_is_no_sound_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest, match="16 bits"):
        read_wav(content)


def test_a_sound_survives_being_written() -> None:
    sound = read_wav(tone_wav(0.05, rate=22_050))
    assert read_wav(sound.as_wav()) == sound
    with wave.open(io.BytesIO(sound.as_wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
