"""Every measure that `make bench` runs, with the targets of its rows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench import (
    busy_minute,
    calendar_cpu,
    devices,
    freshness,
    gc_pauses,
    id_token,
    install,
    million,
    mqtt,
    processes,
    recurrence,
    sandbox,
    scale,
    signin,
    speech,
    startup,
    vault,
    vault_http,
    week,
)
from bench.intelligibility import measure as intelligibility
from bench.intelligibility import recognisers
from bench.intelligibility.sentences import english_dialects
from bench.peers import run_peers
from bench.records import Rows
from bench.vault_stage import open_stage

Run = Callable[[], Rows | Awaitable[Rows]]


@dataclass(frozen=True)
class Measure:
    """A measure `group.measure`; `run` returns its rows, `targets` what some of them should be, as `≤ 3`."""

    name: str
    title: str
    run: Run
    targets: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The name of its file of results, without the ending."""
        return self.name.partition(".")[0]


# Percentages of the words that Whisper and pocketsphinx understand, by engine.
_UNDERSTOOD = {"kokoro": (96, 92), "flite": (90, 88), "espeak": (90, 55)}


def measures(quick: bool = False, sentences: int | None = None) -> list[Measure]:
    """Return all in the order in which they run.

    Args:
        quick: Makes them shorter and less exact.
        sentences: How many of each dialect `speech.understood` has; None for all.
    """
    return [
        Measure(
            "token.warm",
            "Warm token over HTTP, 32 connections",
            on_stage(vault_http.warm, seconds=1.0 if quick else 5.0),
            {"rate, of the bare route's": "≥ 0.5", "p99, times the bare route's": "≤ 2"},
        ),
        Measure(
            "calendar.cpu",
            "Calendar jobs, CPU ms of the worker's process",
            on_stage(calendar_cpu.calendar_cpu, rounds=1 if quick else 5),
            {
                "sync without change": "≤ 3",
                "first sync, 50 events, per event": "≤ 0.15",
                "plan again, nothing changed": "≤ 2",
            },
        ),
        Measure(
            "calendar.recurrence",
            "One recurring event, its instances of a day, CPU ms",
            lambda: recurrence.measure(1 if quick else 3),
        ),
        Measure(
            "plan.week",
            "A user's week of announcements, CPU ms",
            lambda: week.planned(10 if quick else 50),
            {"the week, everything switched on": "≤ 5"},
        ),
        Measure(
            "scale.users",
            "Ticks and jobs with many users in the database",
            on_stage(scale.scale, sizes=(100, 1_000) if quick else scale.SIZES),
            {"tick with nothing due, ms: most to fewest users": "≤ 1.5"}
            | {
                f"{what}: {size:,} users": target
                for size in scale.SIZES
                for what, target in (
                    ("sync without change, CPU ms", "≤ 3"),
                    ("first sync of 50 events, CPU ms", "≤ 7.5"),
                    ("plan again, nothing changed, CPU ms", "≤ 2"),
                )
            },
        ),
        Measure(
            "fresh.pushed",
            "From a push notification to the schedule, 100 changes a second",
            on_stage(freshness.pushed, seconds=5.0 if quick else 30.0),
            {"p99, ms": "≤ 2000", "not in the schedule": "= 0"},
        ),
        Measure(
            "fresh.polled",
            "10,000 accounts polled every five minutes by one worker",
            on_stage(freshness.polling, seconds=120.0 if quick else 390.0),
            {"cores, worker": "≤ 0.5", "oldest copy, s": "≤ 300"},
        ),
        Measure(
            "fresh.long",
            "First sync of a long calendar",
            on_stage(freshness.long_calendar),
            {"pages read again after kill -9": "≤ 1"},
        ),
        Measure("model.million", "One million users, from the measures above", million.model),
        Measure(
            "vault.flight",
            "Refreshes for one expired token, 50 callers in each process",
            on_stage(vault.single_flight, slow=not quick),
        ),
        Measure("vault.peers", "One question to Catflap and to other libraries", on_stage(run_peers)),
        Measure("vault.dead", "Dead grant", on_stage(vault.dead_grant), {"upstream calls": "= 1"}),
        Measure(
            "vault.down",
            "Google down",
            on_stage(vault.google_down, seconds=20.0 if quick else 300.0),
            {"grants wrongly marked": "= 0"},
        ),
        Measure(
            "vault.killed",
            "kill -9 at every step",
            on_stage(vault.killed, rounds=20 if quick else 200),
            {"grants lost": "= 0", "grants unreadable": "= 0"},
        ),
        Measure(
            "vault.minute",
            "Grants that end in the same minute",
            on_stage(vault.minute_of_expiry, grants=1_000 if quick else 10_000),
            {"not refreshed": "= 0", "measured rate, 1/s": "≥ 190"},
        ),
        Measure(
            "signin.exchange",
            "Sign-in by redirect, popup and native app",
            on_stage(signin.exchanges, people=30 if quick else 200),
            {
                f"{kind}, {turn}: our share, median, ms": "≤ 6"
                for kind in ("redirect", "popup", "native")
                for turn in ("first", "later")
            },
        ),
        Measure(
            "signin.id_token",
            "Verification of ID tokens on one core",
            lambda: id_token.verifications(1_000 if quick else 10_000),
        ),
        Measure(
            "start.serve",
            "Start-up time and memory",
            startup.measure,
            {
                "serve, warm, s to /readyz": "≤ 1",
                "serve, idle, MB (PSS, without PostgreSQL)": "≤ 120",
                "work, idle, MB (PSS, without PostgreSQL)": "≤ 110",
            },
        ),
        Measure(
            "start.collections",
            "Garbage collections under load",
            on_stage(gc_pauses.gc_pauses, seconds=5.0 if quick else 15.0),
            {"serve: longest collection, ms": "≤ 10", "work: longest collection, ms": "≤ 10"},
        ),
        Measure(
            "sandbox.http",
            "The sandbox, so that it limits no other measure",
            lambda: sandbox.measure(1.0 if quick else 5.0),
        ),
        Measure(
            "speech.rendered",
            "From the text of a reminder to its sound, warm, on one core",
            lambda: speech.rendered(1 if quick else 5),
            {
                f"{engine}: median, ms": f"≤ {most}"
                for engine, most in (
                    ("Japanese, openjtalk", 250),
                    ("English, espeak", 50),
                    ("English, flite", 50),
                    ("English, kokoro", 1000),
                )
            },
        ),
        Measure(
            "speech.found",
            "A text whose sound is rendered already",
            on_stage(speech.found),
            {"both, ms": "≤ 5"},
        ),
        Measure(
            "speech.minute",
            "Announcements due in one minute, rendered ahead by two workers on two cores",
            on_stage(busy_minute.rendered_ahead, users=200 if quick else busy_minute.USERS),
            {"late, or without a sound": "= 0"},
        ),
        Measure(
            "speech.understood",
            "Words of all English phrases and 50 titles that two recognisers understand",
            lambda: intelligibility.understood(sentences or (5 if quick else None)),
            {
                f"{engine}, all: {recogniser}, %": f"≥ {share}"
                for engine, shares in _UNDERSTOOD.items()
                for recogniser, share in zip(recognisers.NAMES, shares, strict=True)
            }
            | {
                f"{engine}, {dialect}: whisper, %": "≥ 85"
                for engine in _UNDERSTOOD
                for dialect in english_dialects()
            },
        ),
        Measure(
            "devices.connected",
            "5,000 devices on one web process, while nothing changes",
            on_stage(devices.connected, seconds=15.0 if quick else 60.0),
            {"ours: kB a connection": "≤ 30", "ours: idle, % of a core": "≤ 3"},
        ),
        Measure(
            "devices.change",
            "100 changes a second, each of one of 5,000 devices, until it has the schedule",
            on_stage(devices.change, seconds=5.0 if quick else 20.0),
            {"p99, ms": "≤ 100"},
        ),
        Measure(
            "devices.all",
            "One change for all of 5,000 devices, until they have their schedules",
            on_stage(devices.change_all, times=2 if quick else 5),
            {"ours: p99, ms": "≤ 1000"},
        ),
        Measure(
            "devices.storm",
            "The server restarted under 5,000 devices",
            on_stage(devices.storm),
            {
                f"{which} before: all back after the server was up, s": "≤ 10"
                for which in ("online", "offline")
            },
        ),
        Measure(
            "devices.heartbeats",
            "250 heartbeats a second of 5,000 connected devices",
            on_stage(devices.heartbeats, seconds=5.0 if quick else 20.0),
        ),
        Measure(
            "processes.served",
            "Requests and 2,000 devices served by one and by four web processes",
            on_stage(processes.served, seconds=2.0 if quick else 5.0),
        ),
        Measure(
            "processes.worked",
            "Announcements planned and published by one and by four workers",
            on_stage(processes.worked, users=300 if quick else 1_000),
        ),
        Measure(
            "devices.own_clock",
            "5,000 announcements at the same second, by devices that hold their schedules",
            on_stage(devices.own_clock),
            {"latest, ms": "≤ 50"},
        ),
        Measure(
            "devices.play",
            "5,000 devices without a clock, all due at one second, on Mosquitto",
            on_stage(mqtt.play, times=1 if quick else 3),
            {"played, of all": "= 1", "too early": "= 0", "p99 late, ms": "≤ 500"},
        ),
        Measure("install.size", "Size of an installation", install.measure),
    ]


def on_stage(measure: Callable[..., Awaitable[Rows]], **options: Any) -> Run:
    """Give a measure an empty database and a sandbox of its own."""

    async def run() -> Rows:
        async with open_stage() as stage:
            return await measure(stage, **options)

    return run
