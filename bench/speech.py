"""How long a reminder takes to render with each engine, beside the engine alone, and to find once it is.

`rendered` runs on one core, with engines that have spoken before. The engine alone (`bench.engine_alone`) is
its module without a process to talk to, resampling, levelling, chime and header: the floor for us.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psutil
from sqlalchemy import insert

from bench.vault_stage import Stage
from catflap.announcements.rendering import Renderer
from catflap.clock import SystemClock
from catflap.speech import (
    Engine,
    Language,
    Speech,
    Utterance,
    VoiceChoice,
    Voices,
    installed_engines,
    say_before,
    say_start,
)
from catflap.speech.synthesis import split_text, voice_settings
from catflap.store.tables import announcements, devices, sounds, users

Rows = dict[str, Any]
_LANGUAGES: dict[Language, str] = {"ja": "Japanese", "en": "English"}
_DIALECTS: dict[Language, tuple[str, ...]] = {
    "ja": ("kansai", "standard", "hakata", "kyoto"),
    "en": ("kitten", "plain", "butler", "pirate"),
}
_TITLES: dict[Language, tuple[str, ...]] = {
    "ja": ("定例会議", "歯医者", "田中さんと打ち合わせ", "企画書レビュー", "ランチ"),
    "en": ("Team lunch", "Dentist", "One-on-one with Sarah", "Design review", "Lunch"),
}
AT = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
_FOUND = 200


async def rendered(rounds: int = 5) -> Rows:
    """Return the time from a reminder's text to its sound, by engine."""
    rows: Rows = {}
    with _one_core():
        for engine in installed_engines():
            language: Language = "ja" if "ja" in engine.languages else "en"
            if language == "ja" or "en" in engine.languages:
                measured = await _engine(engine, _reminders(language), rounds)
                name = f"{_LANGUAGES[language]}, {engine.id}"
                rows |= {f"{name}: {what}": value for what, value in measured.items()}
    return rows


async def found(stage: Stage, count: int = _FOUND) -> Rows:
    """Return how long it takes to find a sound that is there: its key from the text, and the job `render`."""
    engine, clock, voices = stage.app_engine, SystemClock(), Voices(installed_engines())
    utterances = [say_start("kitten", [f"Meeting {number}"], AT, seed=number) for number in range(count)]
    keys = [voices.content_key(one.spoken, VoiceChoice(one.dialect)) for one in utterances]
    await _fill(stage, utterances, keys)
    # Without an engine it fails if it renders.
    renderer = Renderer(engine, clock, Speech(engines=()))
    took = [await _milliseconds(partial(renderer.render, key)) for key in keys]
    began = time.perf_counter()
    for one in utterances:
        voices.content_key(one.spoken, VoiceChoice(one.dialect))
    hashing = (time.perf_counter() - began) / count * 1000
    return {
        "the key of a text, ms": round(hashing, 3),
        "the job that finds its sound, median, ms": round(statistics.median(took), 2),
        "both, ms": round(statistics.median(took) + hashing, 2),
    }


async def _engine(engine: Engine, said: Sequence[Utterance], rounds: int) -> Rows:
    speech, alone = Speech(engines=[engine]), EngineAlone(engine)
    try:
        for one in said:
            await speech.synthesise(one.spoken, VoiceChoice(one.dialect))
            alone.milliseconds(one)
        took, floor = [], []
        before = _cpu_seconds()
        for _ in range(rounds):
            took += [await _milliseconds(partial(_render, speech, one)) for one in said]
        cpu = (_cpu_seconds() - before) * 1000 / len(took)
        for _ in range(rounds):
            floor += [alone.milliseconds(one) for one in said]
    finally:
        await speech.aclose()
        alone.close()
    floor_cpu = statistics.mean(floor)
    return {
        "median, ms": round(statistics.median(took), 1),
        "p95, ms": round(statistics.quantiles(took, n=20)[-1], 1),
        "CPU, ms": round(cpu, 1),
        "CPU of the engine alone, ms": round(floor_cpu, 1),
        "CPU, times the engine alone": round(cpu / floor_cpu, 2),
    }


async def _render(speech: Speech, one: Utterance) -> None:
    await speech.synthesise(one.spoken, VoiceChoice(one.dialect))


class EngineAlone:
    """The module of an engine in a process of `bench.engine_alone`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        command = [sys.executable, "-m", "bench.engine_alone", engine.command[-1].rpartition(".")[2]]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def milliseconds(self, one: Utterance) -> float:
        """Return the CPU time of a sentence in milliseconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        spent = 0.0
        for run in split_text(one.spoken, one.dialect):
            request = [run.text, voice_settings(run, VoiceChoice(one.dialect), self._engine)]
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            spent += float(self._process.stdout.readline())
        return spent

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _reminders(language: Language) -> list[Utterance]:
    titles = _TITLES[language]
    return [
        say_before(dialect, [title], AT, 10, number)
        for number, dialect in enumerate(_DIALECTS[language])
        for title in titles
    ]


@contextmanager
def _one_core() -> Iterator[None]:
    """Let this process, and those that it starts, run on one core only."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _cpu_seconds() -> float:
    """Return the CPU time so far of this process and its children, which includes those they waited for."""
    ours = psutil.Process()
    times = [one.cpu_times() for one in (ours, *ours.children(recursive=True))]
    return sum(one.user + one.system for one in times) + sum(
        one.children_user + one.children_system for one in times[1:]
    )


async def _milliseconds(step: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await step()
    return (time.perf_counter() - began) * 1000


async def _fill(stage: Stage, said: Sequence[Utterance], keys: Sequence[str]) -> None:
    """Add a user's device with an announcement of each text, and the sounds."""
    now = SystemClock().now()
    async with stage.app_engine.begin() as connection:
        user_id = await connection.scalar(insert(users).values(created_at=now).returning(users.c.id))
        device = {"user_id": user_id, "name": "Mia", "model": "browser", "token_hash": b"", "volume": 60}
        made = insert(devices).values(**device, schedule_version=1, created_at=now).returning(devices.c.id)
        device_id = await connection.scalar(made)
        sound = {"wav": b"RIFF", "sha256": "", "bytes": 4, "seconds": 5.6, "used_at": now}
        await connection.execute(insert(sounds), [{"key": key, **sound} for key in keys])
        owner = {"user_id": user_id, "device_id": device_id, "kind": "start", "state": "planned"}
        times = {"play_at": now + timedelta(hours=1), "expires_at": now + timedelta(hours=2)}
        rest = {"titles": [], "event_start": now.isoformat(), "updated_at": now}
        rows = [
            {"id": uuid4().hex, "key": key, "sound_key": key, "dialect": one.dialect, "display": one.display}
            | {"spoken": one.spoken, **owner, **times, **rest}
            for one, key in zip(said, keys, strict=True)
        ]
        await connection.execute(insert(announcements), rows)
