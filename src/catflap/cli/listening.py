"""Write a sound of each kind of announcement in a dialect, and a page that plays them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from catflap.errors import OperatorMustAct
from catflap.speech import (
    Dialect,
    Language,
    Speech,
    Title,
    Utterance,
    installed_engines,
    say_all_day,
    say_before,
    say_briefing,
    say_cancelled,
    say_catch_up,
    say_late,
    say_moved,
    say_nothing,
    say_reconnect,
    say_start,
)

# What is announced; the day doesn't matter.
_AT = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
_DAY = _AT.date()
_MORNING = _AT.replace(hour=7, minute=0)
_TITLES: dict[Language, tuple[str, str]] = {
    "ja": ("定例会議", "祝日"),
    "en": ("Team lunch", "Public holiday"),
}
_VARIANTS = 5


@dataclass(frozen=True)
class Sample:
    """One sound of the page."""

    kind: str
    file: str
    utterance: Utterance


def samples(dialect: Dialect, every_variant: bool) -> Iterator[Sample]:
    """Yield what is said in a dialect: one of each kind, or each variant of what is heard often."""
    title, holiday = _TITLES[dialect.language]
    often, once = _kinds(dialect.id, title, holiday)
    for kind, say in often.items():
        for seed in range(_VARIANTS if every_variant else 1):
            name = f"{kind} {seed + 1}" if every_variant else kind
            yield Sample(name, _file_name(dialect, name), say(seed))
    for kind, utterance in once.items():
        yield Sample(kind, _file_name(dialect, kind), utterance)


def page(found: Sequence[tuple[Dialect, Sequence[Sample]]]) -> str:
    """Return the page that plays the sounds."""
    sections = "".join(
        f'<section id="{dialect.id}"><h2>{escape(dialect.native_name)} <small>{escape(dialect.name)}</small> '
        f"<button>Play all</button></h2><table>{''.join(map(_row, said))}</table></section>\n"
        for dialect, said in found
    )
    links = " · ".join(f'<a href="#{one.id}">{escape(one.native_name)}</a>' for one, _ in found)
    return _PAGE.format(links=links, sections=sections)


async def write_page(folder: Path, wanted: Sequence[Dialect], every_variant: bool) -> Path:
    """Write the sounds and `index.html`; return its path.

    Raises:
        OperatorMustAct: `out_unwritable`, or no voice is installed.
        SpeechFailed: as `Speech.synthesise`.
    """
    found = [(dialect, list(samples(dialect, every_variant))) for dialect in wanted]
    speech = Speech(engines=installed_engines())
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for sample in (sample for _, said in found for sample in said):
            sound = await speech.synthesise(sample.utterance.spoken, dialect=sample.utterance.dialect)
            await asyncio.to_thread((folder / sample.file).write_bytes, sound.wav)
        index = folder / "index.html"
        await asyncio.to_thread(index.write_text, page(found), "utf-8")
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write to {folder}: {error.strerror}.") from None
    finally:
        await speech.aclose()
    return index


def _kinds(
    dialect: str, title: str, holiday: str
) -> tuple[dict[str, Callable[[int], Utterance]], dict[str, Utterance]]:
    """Return the kinds that have variants, and the others."""
    until = Title(title, until=_MORNING + timedelta(hours=2))
    often: dict[str, Callable[[int], Utterance]] = {
        "before: 1 minute": lambda seed: say_before(dialect, [title], _AT, 1, seed),
        "before: 10 minutes": lambda seed: say_before(dialect, [title], _AT, 10, seed),
        "before: 150 minutes": lambda seed: say_before(dialect, [title], _AT, 150, seed),
        "start": lambda seed: say_start(dialect, [title], _AT, seed),
        "briefing": lambda seed: say_briefing(dialect, _DAY, [], 3, _AT, (), seed),
        "briefing: one": lambda seed: say_briefing(dialect, _DAY, [holiday], 1, _AT, [until], seed),
        "nothing": lambda seed: say_nothing(dialect, seed),
    }
    once = {
        "before: maybe": say_before(dialect, [Title(title, tentative=True)], _AT, 15),
        "start: private": say_start(dialect, [Title(title, private=True)], _AT),
        "all day": say_all_day(dialect, [holiday], _DAY + timedelta(days=1), _DAY),
        "moved": say_moved(dialect, [title], _AT, _DAY),
        "cancelled": say_cancelled(dialect, [title], _AT, _DAY),
        "late": say_late(dialect, [title], 15),
        "catch up": say_catch_up(dialect, [title]),
        "reconnect": say_reconnect(dialect),
    }
    return often, once


def _file_name(dialect: Dialect, kind: str) -> str:
    words = "".join(char if char.isascii() and char.isalnum() else "-" for char in kind)
    return f"{dialect.id}-{'-'.join(filter(None, words.split('-')))}.wav"


def _row(sample: Sample) -> str:
    return (
        f"<tr><th>{escape(sample.kind)}</th><td>{escape(sample.utterance.display)}<br>"
        f"<small>{escape(sample.utterance.spoken)}</small></td>"
        f'<td><audio controls preload="none" src="{sample.file}"></audio></td></tr>\n'
    )


_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mia's voices</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: start; vertical-align: top; padding: .4rem; border-top: 1px solid #8884 }}
th {{ white-space: nowrap; font-weight: normal }}
small {{ opacity: .7 }}
audio {{ width: 16rem }}
</style>
<h1>Mia's voices</h1>
<p>{links}</p>
{sections}
<script>
// Play one at a time; a button plays those of its dialect, one after the other.
let queue = [];
const sounds = [...document.querySelectorAll("audio")];
for (const sound of sounds) {{
  sound.onplay = () => sounds.forEach((other) => other === sound || other.pause());
  sound.onended = () => queue.shift()?.play();
}}
for (const button of document.querySelectorAll("button")) {{
  button.onclick = () => {{
    queue = [...button.closest("section").querySelectorAll("audio")];
    queue.shift().play();
  }};
}}
</script>
</html>
"""
