"""`catflap say`: synthesise a text in a dialect, and play it or write it to a file."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from catflap.cli.runner import command, run
from catflap.errors import OperatorMustAct
from catflap.player.programs import play
from catflap.settings import Settings
from catflap.speech import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    AudioFormat,
    Sound,
    Speech,
    VoiceChoice,
    dialects,
    encode,
    language_of,
    say_text,
    voices_of,
)

cli = command()
_DEFAULT = {"ja": "kansai", "en": "kitten"}
_UNPLAYED = Path("mia.wav")


@cli.command(
    epilog='Examples:  catflap say "お茶の時間や"   |   catflap say Hello --dialect pirate --out ahoy.mp3'
)
def say(
    text: Annotated[
        str | None, typer.Argument(help="What Mia shall say; without it, the dialects are listed.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="Which dialect [kansai or kitten, by script].")] = None,
    pitch: Annotated[
        int, typer.Option(min=LOWEST_PITCH, max=HIGHEST_PITCH, help="How much higher, in semitones.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write it to a file: .wav, or with the extra `formats` .mp3, .opus, .ogg or .flac."
        ),
    ] = None,
) -> None:
    """Have Mia say something, on this machine's loudspeaker or into a file."""
    if text is None:
        typer.echo(_dialect_list())
        return
    run(_say(text, dialect, pitch, out))


def _dialect_list() -> str:
    """Return the dialects, one per line, with an example."""
    return "\n".join(f"{one.id:11} {one.language}  {one.name:17} {one.example}" for one in dialects())


async def _say(text: str, dialect: str | None, pitch: int, out: Path | None) -> None:
    """Synthesise `text`, and write it to the file `out` or play it.

    Raises:
        OperatorMustAct: `out_unwritable`, or no voice or encoder is installed.
        BadRequest: no such dialect or format, or nothing to say.
    """
    # Before the work, so that a wrong suffix costs none.
    audio = AudioFormat.of_file(out) if out else AudioFormat()
    sound = await _synthesise(text, dialect, pitch)
    if out is not None:
        await _write(out, await encode(sound.wav, audio))
        typer.echo(f"{out}: {sound.seconds:.1f} s")
    elif not await _play(sound):
        await _write(_UNPLAYED, sound.wav)
        typer.echo(
            f"No player worked (pw-play, paplay, aplay), so it is in {_UNPLAYED}: {sound.seconds:.1f} s"
        )


async def _synthesise(text: str, dialect: str | None, pitch: int) -> Sound:
    speech = Speech(engines=voices_of(Settings.read()).engines)
    try:
        utterance = say_text(dialect or _DEFAULT[language_of(text)], text)
        return await speech.synthesise(utterance.spoken, VoiceChoice(utterance.dialect, pitch))
    finally:
        await speech.aclose()


async def _play(sound: Sound) -> bool:
    with tempfile.TemporaryDirectory(prefix="catflap-") as folder:
        file = Path(folder) / _UNPLAYED
        await asyncio.to_thread(file.write_bytes, sound.wav)
        return await play(file, sound.seconds)


async def _write(path: Path, content: bytes) -> None:
    try:
        await asyncio.to_thread(path.write_bytes, content)
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write {path}: {error.strerror}.") from None
