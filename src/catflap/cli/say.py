"""`catflap say`: synthesise a text in a dialect."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from catflap.cli.runner import command, run
from catflap.errors import OperatorMustAct
from catflap.speech import Speech, dialects, installed_engines, language_of, say_text

cli = command()
_DEFAULT = {"ja": "kansai", "en": "kitten"}


@cli.command(
    epilog='Examples:  catflap say "お茶の時間や"   |   catflap say Hello --dialect pirate --out ahoy.wav'
)
def say(
    text: Annotated[
        str, typer.Argument(help="What Mia shall say; without it, the dialects are listed.")
    ] = "",
    dialect: Annotated[str | None, typer.Option(help="Which dialect [kansai or kitten, by script].")] = None,
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("mia.wav"),
) -> None:
    """Have Mia say something."""
    if not text:
        typer.echo(_dialect_list())
        return

    async def work() -> None:
        seconds = await _say(text, dialect, out)
        typer.echo(f"{out}: {seconds:.1f} s")

    run(work())


def _dialect_list() -> str:
    """Return the dialects, one per line, with an example."""
    return "\n".join(f"{one.id:11} {one.language}  {one.name:16} {one.example}" for one in dialects())


async def _say(text: str, dialect: str | None, out: Path) -> float:
    """Synthesise `text` into the WAV file `out`; return its duration in seconds.

    Raises:
        OperatorMustAct: `out_unwritable`, or no voice is installed.
        BadRequest: no such dialect, or nothing to say.
    """
    speech = Speech(engines=installed_engines())
    try:
        utterance = say_text(dialect or _DEFAULT[language_of(text)], text)
        sound = await speech.synthesise(utterance.spoken, dialect=utterance.dialect)
        await asyncio.to_thread(out.write_bytes, sound.wav)
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write {out}: {error.strerror}.") from None
    finally:
        await speech.aclose()
    return sound.seconds
