"""Write a sound of each kind of announcement in a dialect, and a page that plays them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from catflap.errors import BadRequest, OperatorMustAct
from catflap.settings import Settings
from catflap.speech import (
    Dialect,
    Language,
    Speech,
    Title,
    Utterance,
    VoiceChoice,
    address,
    choose_engines,
    installed_engines,
    say_all_day,
    say_before,
    say_briefing,
    say_cancelled,
    say_catch_up,
    say_countdown,
    say_evening,
    say_late,
    say_leave,
    say_moved,
    say_nothing,
    say_paired,
    say_reconnect,
    say_start,
)

# What is announced; the day doesn't matter.
_AT = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
_DAY = _AT.date()
_MORNING = _AT.replace(hour=7, minute=0)
# An appointment, a day, and whom the device belongs to.
_TITLES: dict[Language, tuple[str, str, str]] = {
    "ja": ("定例会議", "祝日", "おばあちゃん"),
    "en": ("Team lunch", "Public holiday", "Grandma"),
}
_VARIANTS = 5
_Say = Callable[[int], Utterance]


@dataclass(frozen=True)
class Sample:
    """One sound of the page."""

    kind: str
    file: str
    utterance: Utterance


def samples(dialect: Dialect, every_variant: bool, kind_start: str = "") -> Iterator[Sample]:
    """Yield what is said in a dialect: one of each kind that starts like this, or each variant."""
    for kind, say in _kinds(dialect.id, *_TITLES[dialect.language]).items():
        if not kind.startswith(kind_start):
            continue
        for seed in range(_VARIANTS if every_variant else 1):
            name = f"{kind} {seed + 1}" if every_variant else kind
            yield Sample(name, _file_name(dialect, name), say(seed))


def page(found: Sequence[tuple[Dialect, Sequence[Sample]]]) -> str:
    """Return the page that plays the sounds."""
    sections = "".join(
        f'<section id="{dialect.id}"><h2>{escape(dialect.native_name)} <small>{escape(dialect.name)}</small> '
        f"<button>Play all</button></h2><table>{''.join(map(_row, said))}</table></section>\n"
        for dialect, said in found
    )
    links = " · ".join(f'<a href="#{one.id}">{escape(one.native_name)}</a>' for one, _ in found)
    return _PAGE.format(links=links, sections=sections)


async def write_page(folder: Path, wanted: Sequence[Dialect], every_variant: bool, kind_start: str) -> Path:
    """Write the sounds and `index.html`; return its path.

    Raises:
        OperatorMustAct: `out_unwritable`, or no voice is installed.
        BadRequest: `kind_unknown`, no kind starts like that.
        SpeechFailed: as `Speech.synthesise`.
    """
    found = [(dialect, list(samples(dialect, every_variant, kind_start))) for dialect in wanted]
    if not any(said for _, said in found):
        kinds = "; ".join(_kinds(wanted[0].id, "", "", ""))
        raise BadRequest("kind_unknown", f"No kind starts with that; there are {kinds}.")
    speech = Speech(engines=choose_engines(installed_engines(), Settings.read().voices))
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for sample in (sample for _, said in found for sample in said):
            sound = await speech.synthesise(sample.utterance.spoken, VoiceChoice(sample.utterance.dialect))
            await asyncio.to_thread((folder / sample.file).write_bytes, sound.wav)
        index = folder / "index.html"
        await asyncio.to_thread(index.write_text, page(found), "utf-8")
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write to {folder}: {error.strerror}.") from None
    finally:
        await speech.aclose()
    return index


def _kinds(dialect: str, title: str, holiday: str, name: str) -> dict[str, _Say]:
    """Return how each kind is said, as a function of the seed that chooses the variant."""
    until = Title(title, until=_MORNING + timedelta(hours=2))
    tomorrow, next_at = _DAY + timedelta(days=1), _AT + timedelta(days=1)
    listed = [(_AT + timedelta(hours=hours), title) for hours in range(2)]
    return {
        "before: 1 minute": lambda seed: say_before(dialect, [title], _AT, 1, seed),
        "before: 10 minutes": lambda seed: say_before(dialect, [title], _AT, 10, seed),
        "before: 10 minutes, brief": lambda seed: say_before(dialect, [title], _AT, 10, seed, "brief"),
        "before: 10 minutes, chatty": lambda seed: say_before(dialect, [title], _AT, 10, seed, "chatty"),
        "before: 150 minutes": lambda seed: say_before(dialect, [title], _AT, 150, seed),
        "before: 150 minutes, brief": lambda seed: say_before(dialect, [title], _AT, 150, seed, "brief"),
        "start": lambda seed: say_start(dialect, [title], _AT, seed),
        "start, brief": lambda seed: say_start(dialect, [title], _AT, seed, "brief"),
        "leave": lambda seed: say_leave(dialect, [title], _AT, 25, seed),
        "countdown": lambda seed: say_countdown(dialect, [title], 5, seed),
        "late": lambda seed: say_late(dialect, [title], 15, seed),
        "late: just now": lambda seed: say_late(dialect, [title], 0, seed),
        "all day": lambda seed: say_all_day(dialect, [holiday], tomorrow, _DAY, seed),
        "briefing": lambda seed: say_briefing(dialect, _DAY, [], 3, _AT, (), seed),
        "briefing: one": lambda seed: say_briefing(dialect, _DAY, [holiday], 1, _AT, (), seed),
        "briefing: under way": lambda seed: say_briefing(dialect, _DAY, [], 0, None, [until], seed),
        "briefing, brief": lambda seed: say_briefing(dialect, _DAY, [], 3, _AT, (), seed, "brief"),
        "briefing: one, brief": lambda seed: say_briefing(dialect, _DAY, [], 1, _AT, (), seed, "brief"),
        "briefing, chatty": lambda seed: say_briefing(dialect, _DAY, [], 3, _AT, (), seed, "chatty", listed),
        "briefing: one, chatty": lambda seed: say_briefing(
            dialect, _DAY, [], 1, _AT, (), seed, "chatty", listed[:1]
        ),
        "nothing": lambda seed: say_nothing(dialect, seed),
        "paired": lambda seed: say_paired(dialect, seed),
        "paired: by name": lambda seed: address(say_paired(dialect, seed), name),
        "nothing, brief": lambda seed: say_briefing(dialect, _DAY, [], 0, None, (), seed, "brief"),
        "evening": lambda seed: say_evening(dialect, tomorrow, [], 3, next_at, seed),
        "evening: one": lambda seed: say_evening(dialect, tomorrow, [holiday], 1, next_at, seed),
        "evening: nothing": lambda seed: say_evening(dialect, tomorrow, [], 0, None, seed),
        "moved": lambda seed: say_moved(dialect, [title], _AT, _DAY, seed),
        "moved: tomorrow": lambda seed: say_moved(dialect, [title], next_at, _DAY, seed),
        "cancelled": lambda seed: say_cancelled(dialect, [title], _AT, _DAY, seed),
        "catch up": lambda seed: say_catch_up(dialect, [title], seed),
        "reconnect": lambda seed: say_reconnect(dialect, seed),
        "before: maybe": lambda seed: say_before(dialect, [Title(title, tentative=True)], _AT, 15, seed),
        "start: private": lambda seed: say_start(dialect, [Title(title, private=True)], _AT, seed),
    }


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
