"""`catflap phrases`: check phrasebooks, for those who write one."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast

import typer

from catflap.cli.listening import write_page
from catflap.cli.runner import command, run
from catflap.errors import OperatorMustAct
from catflap.extras import load_optional
from catflap.installer import install_command
from catflap.speech import dialects
from catflap.speech.phrasebook_check import (
    Problem,
    check_other_values,
    check_readings,
    check_words,
    load,
    read_phrases,
    readings_file,
    readings_text,
    shipped_phrasebooks,
)
from catflap.speech.phrasebooks import phrasebook

cli = command()
_Reading = Callable[[str], str]


@cli.callback()
def phrases() -> None:
    """The phrasebooks of dialects (docs/phrasebooks.md)."""


@cli.command(
    epilog="Examples:  catflap phrases check   |   catflap phrases check sheriff.toml"
    "   |   catflap phrases check kansai.toml --update"
)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Phrasebooks; without any, those that Catflap brings."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write the golden readings of Japanese phrasebooks anew.")
    ] = False,
) -> None:
    """Find missing phrases, wrong placeholders, too few variants, long sentences and changed readings.

    Ends with 1 if there is any. How OpenJTalk reads a Japanese phrase is compared with its golden reading, in
    NAME.readings.toml beside NAME.toml, and has to stay the same with other times, spans and titles; that
    needs the extra "mia".
    """
    files = paths or shipped_phrasebooks()
    reading = _load_reading()
    found = [problem for file in files for problem in _check_file(file, reading, update)]
    for problem in found:
        typer.echo(str(problem))
    if reading is None:
        typer.echo(f"Readings were not checked: that needs {install_command('mia')}.", err=True)
    if found or (update and reading is None):
        raise typer.Exit(1)
    typer.echo(f"{len(files)} {'phrasebook is' if len(files) == 1 else 'phrasebooks are'} in order.")


@cli.command(
    epilog="Examples:  catflap phrases listen   |   catflap phrases listen --dialect pirate --every-variant"
)
def listen(
    folder: Annotated[Path, typer.Argument(help="Where to write the sounds and index.html.")] = Path(
        "listen-out"
    ),
    dialect: Annotated[list[str] | None, typer.Option(help="Only this dialect; may be given again.")] = None,
    kind: Annotated[str, typer.Option(help='Only kinds that start like this: "evening", "before: 10".')] = "",
    every_variant: Annotated[
        bool, typer.Option("--every-variant", help="Every variant, not the first.")
    ] = False,
) -> None:
    """Write a sound of each kind of announcement in each dialect, and a page that plays them."""

    async def work() -> None:
        wanted = [phrasebook(one).dialect for one in dialect] if dialect else dialects()
        typer.echo(await write_page(folder, wanted, every_variant, kind))

    run(work())


def _load_reading() -> _Reading | None:
    """Return the function that reads Japanese; None without the extra."""
    try:
        return cast(_Reading, load_optional("catflap.speech.kana_reading").kana_reading)
    except OperatorMustAct:
        return None


def _check_file(file: Path, reading: _Reading | None, update: bool) -> list[Problem]:
    book = load(file)
    if isinstance(book, list):
        return book
    found = list(check_words(book, file))
    if book.dialect.language != "ja" or reading is None:
        return found
    heard = read_phrases(book, reading)
    found += check_other_values(book, file, heard, reading)
    if not update:
        return [*found, *check_readings(book, file, heard)]
    golden = readings_file(file)
    text = readings_text(file, heard)
    try:
        if not golden.exists() or golden.read_text("utf-8") != text:
            golden.write_text(text, "utf-8")
            typer.echo(f"{golden.name}: written; read what has changed before you commit it.", err=True)
    except OSError as error:
        return [*found, Problem(golden.name, "", f"can't be written ({error.strerror})")]
    return found
