"""Outputs of this machine: its sound card through miniaudio, a program that plays files, or a folder."""

import asyncio
import contextlib
import tempfile
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from catflap.errors import OperatorMustAct
from catflap.extras import load_optional
from catflap.player import programs
from catflap.player.pcm import Pcm

_BUFFER_SECONDS = 0.04
# A sound card that stops asking for samples is not waited for.
_PATIENCE_SECONDS = 10.0
_NO_SPEAKER = (
    "No loudspeaker works here: miniaudio found none, and neither pw-play, paplay nor aplay is installed. "
    "Install one (Debian: apt install alsa-utils), or write what would be played with --record FOLDER."
)


class Output(Protocol):
    """Where sounds go."""

    name: str

    async def play(self, sound: Pcm, start_at: float) -> bool:
        """Play a sound, and return after its last sample whether it was played.

        Args:
            sound: Samples with the volume applied.
            start_at: When its first sample shall be heard, by `time.monotonic`.
        """
        ...


class SoundCard:
    """Output to the default device of this machine, by miniaudio (the extra `speaker`).

    The device is open only while something is played. The samples begin where the block that is asked for
    meets the time, so that the start does not depend on how long the device takes to open.

    Args:
        backends: Names of miniaudio's backends; by default all that make a sound.

    Raises:
        OperatorMustAct: `extra_missing`; `no_speaker`.
    """

    def __init__(self, *backends: str) -> None:
        self._miniaudio = load_optional("miniaudio", extra="speaker")
        silent = {"NULL", "CUSTOM"}
        self._backends = [
            one for one in self._miniaudio.Backend if one.name in (backends or {one.name} - silent)
        ]
        try:
            self._open(48_000).close()
        except self._miniaudio.MiniaudioError as error:
            raise OperatorMustAct("no_speaker", _NO_SPEAKER, detail=str(error)) from None
        self.name = "the sound card, by miniaudio"

    async def play(self, sound: Pcm, start_at: float) -> bool:
        """Play a sound at a time."""
        return await asyncio.to_thread(self._play, sound, start_at)

    def _play(self, sound: Pcm, start_at: float) -> bool:
        played = threading.Event()
        try:
            device = self._open(sound.rate)
        except self._miniaudio.MiniaudioError:
            return False
        try:
            blocks = timed_blocks(sound, start_at, _BUFFER_SECONDS, played)
            next(blocks)
            device.start(blocks)
            left = max(0.0, start_at - time.monotonic()) + sound.seconds
            if not played.wait(left + _PATIENCE_SECONDS):
                return False
            # What was handed over last is in the buffer of the device still.
            time.sleep(2 * _BUFFER_SECONDS)
            return True
        finally:
            device.close()

    def _open(self, rate: int):  # type: ignore[no-untyped-def]  # miniaudio has none
        return self._miniaudio.PlaybackDevice(
            nchannels=1,
            sample_rate=rate,
            buffersize_msec=int(_BUFFER_SECONDS * 1000),
            backends=self._backends,
            app_name="Catflap",
        )


def timed_blocks(
    sound: Pcm, start_at: float, latency: float, played: threading.Event
) -> Generator[bytes, int, None]:
    """Yield blocks of samples for a sound card: silence until `start_at`, the sound, then silence.

    Args:
        sound: What to play.
        start_at: When its first sample is heard, by `time.monotonic`.
        latency: Seconds from when a block is asked for until it is heard.
        played: Set when the last sample was handed over.
    """
    position = -1
    count = yield b""
    while True:
        lead = 0
        if position < 0:
            lead = max(0, round((start_at - latency - time.monotonic()) * sound.rate))
            if lead < count:
                position = 0
        block = b""
        if position >= 0:
            wanted = count - lead
            block = sound.samples[2 * position : 2 * (position + wanted)]
            position += wanted
        padded = bytes(2 * min(lead, count)) + block
        count = yield padded + bytes(2 * count - len(padded))
        if position * 2 >= len(sound.samples):
            played.set()


class Program:
    """Output by the first of pw-play, paplay, aplay and afplay that works; it begins some 50 ms late."""

    def __init__(self) -> None:
        found = programs.installed()
        if found is None:
            raise OperatorMustAct("no_speaker", _NO_SPEAKER)
        self.name = found

    async def play(self, sound: Pcm, start_at: float) -> bool:
        """Play a sound at a time."""
        with tempfile.TemporaryDirectory(prefix="catflap-") as folder:
            file = Path(folder) / "sound.wav"
            await asyncio.to_thread(file.write_bytes, sound.as_wav())
            await asyncio.sleep(max(0.0, start_at - time.monotonic()))
            return await programs.play(file, sound.seconds)


class Folder:
    """Output to WAV files in a folder, each as long in coming as it would be in playing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorMustAct("folder_unwritable", f"Can't make {folder}: {error.strerror}.") from None

    async def play(self, sound: Pcm, start_at: float) -> bool:
        """Write a sound, named by the time at which it was due, and wait until it would be over."""
        await asyncio.sleep(max(0.0, start_at - time.monotonic()))
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ.wav")
        try:
            await asyncio.to_thread((self._folder / name).write_bytes, sound.as_wav())
        except OSError:
            return False
        await asyncio.sleep(sound.seconds)
        return True


def choose_output(record: Path | None) -> Output:
    """Return the output of this machine.

    Args:
        record: A folder for WAV files instead.

    Raises:
        OperatorMustAct: `no_speaker`.
    """
    if record is not None:
        return Folder(record)
    with contextlib.suppress(OperatorMustAct):
        return SoundCard()
    return Program()
