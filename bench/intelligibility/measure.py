"""The measure `speech.understood`: render every sentence with every English engine, and ask the recognisers.

`python -m bench.intelligibility.measure --dialect kitten --engine espeak` prints what was misheard.
"""

import argparse
import asyncio
import io
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.intelligibility.recognisers import NAMES, Recogniser, check_installed
from bench.intelligibility.sentences import Sentence, english_dialects, sample, sentences
from bench.intelligibility.word_errors import Score, Sounds, misheard, score
from bench.records import Rows
from catflap.speech import Engine, Speech, SpeechFailed, VoiceChoice, installed_engines
from catflap.speech.wav import MAX_SECONDS, RATE, max_speech_seconds

# Silence, chime and silence before the first word; the silence after the last.
_TAIL_SECONDS = 0.2
_LEAD_SAMPLES = int((MAX_SECONDS - max_speech_seconds() - _TAIL_SECONDS) * RATE)
_KEPT_SILENCE = int(0.2 * RATE)
_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Heard:
    """What a recogniser wrote about a sentence by an engine."""

    engine: str
    recogniser: str
    sentence: Sentence
    text: str


async def understood(size: int | None = None) -> Rows:
    """Return the percentage of the words understood, by engine and dialect, and the word error rates.

    Args:
        size: The number of sentences of each dialect; None for all.
    """
    heard, sounds = await listen(english_engines(), english_dialects(), size)
    rows: Rows = {}
    for engine in dict.fromkeys(one.engine for one in heard):
        ours = [one for one in heard if one.engine == engine]
        for dialect in english_dialects():
            for name in NAMES:
                total = _total(ours, sounds, name, dialect)
                rows[f"{engine}, {dialect}: {name}, %"] = total.share
        for name in NAMES:
            rows[f"{engine}, all: {name}, %"] = _total(ours, sounds, name).share
        for name in NAMES:
            rows[f"{engine}, all: word errors, {name}, %"] = _total(ours, sounds, name).error_rate
        rows[f"sentences by {engine}"] = len(ours) // len(NAMES)
    return rows


def english_engines() -> list[Engine]:
    """Return the installed engines that speak English."""
    return [engine for engine in installed_engines() if "en" in engine.languages]


async def listen(
    engines: Sequence[Engine], dialects: Sequence[str], size: int | None
) -> tuple[list[Heard], Sounds]:
    """Return what each recogniser heard of each sentence by each engine, and a dictionary for the scores."""
    check_installed()
    work = [(engine, one) for engine in engines for name in dialects for one in sample(sentences(name), size)]
    heard = []
    with ExitStack() as stack:
        recognisers = [stack.enter_context(Recogniser(name)) for name in NAMES]
        sounds = next(one.dictionary() for one in recognisers if "dictionary" in one.about)
        speeches = {engine.id: Speech(engines=[engine]) for engine in engines}
        try:
            for engine, sentence in _with_progress(work):
                pcm = await _speak(speeches[engine.id], sentence)
                texts = await asyncio.gather(*(asyncio.to_thread(one.hear, pcm) for one in recognisers))
                heard += [
                    Heard(engine.id, one.name, sentence, text)
                    for one, text in zip(recognisers, texts, strict=True)
                ]
        finally:
            for speech in speeches.values():
                await speech.aclose()
    return heard, sounds


async def _speak(speech: Speech, sentence: Sentence) -> bytes:
    """Return the samples without the chime; silence if the engine can't say it."""
    try:
        sound = await speech.synthesise(sentence.spoken, VoiceChoice(sentence.dialect))
    except SpeechFailed:
        return bytes(2 * RATE)
    with wave.open(io.BytesIO(sound.wav)) as file:
        file.setpos(_LEAD_SAMPLES)
        return bytes(2 * _KEPT_SILENCE) + bytes(file.readframes(file.getnframes()))


def _with_progress(work: Sequence[tuple[Engine, Sentence]]) -> Iterator[tuple[Engine, Sentence]]:
    began = shown = time.monotonic()
    for number, one in enumerate(work):
        yield one
        now = time.monotonic()
        if now - shown >= _PROGRESS_SECONDS or number + 1 == len(work):
            left = (now - began) / (number + 1) * (len(work) - number - 1)
            line = f"  {number + 1} of {len(work)} sentences, {left / 60:.0f} min left"
            print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)
            shown = now


def _total(heard: Sequence[Heard], sounds: Sounds, recogniser: str, dialect: str | None = None) -> Score:
    chosen = [
        one for one in heard if one.recogniser == recogniser and dialect in (None, one.sentence.dialect)
    ]
    return sum((score(one.sentence.spoken, one.text, sounds) for one in chosen), Score())


async def _print_misheard(engines: Sequence[Engine], dialects: Sequence[str], size: int | None) -> None:
    heard, sounds = await listen(engines, dialects, size)
    for one in heard:
        result = score(one.sentence.spoken, one.text, sounds)
        if result.wrong:
            print(
                f"{one.engine} {one.recogniser} {one.sentence.dialect} {one.sentence.kind} ({result.wrong})"
            )
            print(f"    said   {one.sentence.spoken}\n    heard  {one.text}")
    for name in NAMES:
        for engine in engines:
            ours = [one for one in heard if (one.engine, one.recogniser) == (engine.id, name)]
            lost = misheard(((one.sentence.spoken, one.text) for one in ours), sounds)
            most = sorted(lost.items(), key=lambda item: -item[1])[:30]
            for dialect in dialects:
                total = _total(ours, sounds, name, dialect)
                print(f"{engine.id}, {name}, {dialect}: {total.share} % of {total.said} words")
            print(f"{engine.id}, {name}: {_total(ours, sounds, name).share} %; most often misheard:")
            print("    " + ", ".join(f"{word} {count}" for word, count in most))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.intelligibility.measure", description=__doc__)
    parser.add_argument("--engine", action="append", choices=[one.id for one in english_engines()])
    parser.add_argument("--dialect", action="append", choices=english_dialects())
    parser.add_argument("--sample", type=int, metavar="N", help="only N sentences of each dialect")
    given = parser.parse_args()
    wanted = [one for one in english_engines() if not given.engine or one.id in given.engine]
    asyncio.run(_print_misheard(wanted, given.dialect or english_dialects(), given.sample))
