"""`catflap demo`: run everything against the sandbox, in a browser or as a script."""

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from catflap.announcements.planning import HORIZON
from catflap.announcements.preferences import Preferences
from catflap.cli import garbage_collection
from catflap.cli.demo.client import DemoClient
from catflap.cli.demo.environment import EMAIL, DemoOptions, run_demo_environment
from catflap.cli.demo.local_zone import local_zone
from catflap.cli.demo.virtual_device import VirtualDevice
from catflap.cli.runner import command, run
from catflap.clock import FixedClock, SystemClock, rfc3339
from catflap.errors import BadRequest, OperatorMustAct
from catflap.log import configure
from catflap.speech import NoVoice, installed_voices
from catflap.tls import tls_context

cli = command()
OUT = Path("demo-out")
_PREFERENCES = {
    "reminder_minutes": [10],
    "briefing_at": "08:00",
    "dialect_ja": "kansai",
    "dialect_en": "kitten",
}


@cli.command(
    epilog="Examples:  catflap demo   |   catflap demo --once --json --calendar my.ics "
    "--now 2026-11-24T06:00:00+00:00 --zone Asia/Tokyo"
)
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Without a browser: one day, spoken at once, then end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object per step.")] = False,
    calendar: Annotated[Path | None, typer.Option(help="Fill the calendar from this iCalendar file.")] = None,
    now: Annotated[str | None, typer.Option(help="Set the clock, ISO 8601 with an offset.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of the user, an IANA name [of this machine; with --once UTC]."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the web server [8400; with --once a free one]."),
    ] = None,
    sandbox_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the local Google [8401; with --once a free one]."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the database here instead of a temporary folder.")
    ] = None,
) -> None:
    """Run everything offline: sign in at a local Google, read the calendar, hear Mia."""
    configure("console", "warning" if once else "info")
    default_port, default_sandbox_port = (0, 0) if once else (8400, 8401)

    async def work() -> None:
        if languages := installed_voices().missing_languages():
            raise NoVoice(*languages)
        time_zone = zone or ("UTC" if once else local_zone())
        Preferences(zone=time_zone)
        options = DemoOptions(
            calendar=calendar,
            zone=time_zone,
            port=default_port if port is None else port,
            sandbox_port=default_sandbox_port if sandbox_port is None else sandbox_port,
            data_dir=data_dir,
        )
        if once:
            _prepare_output()
            await _once(options, _parse_now(now), as_json=as_json)
        else:
            await _in_browser(options, _parse_now(now))

    run(work())


def _parse_now(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest("now_invalid", f"--now {text}: write it like 2026-11-24T06:00:00+00:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _step_reporter() -> Callable[[str], None]:
    """Return a function that prints numbered steps to standard error, with the seconds since the start."""
    began, count = datetime.now(UTC), 0

    def report(line: str) -> None:
        nonlocal count
        count += 1
        seconds = (datetime.now(UTC) - began).total_seconds()
        print(f"  {count}. {line}  ({seconds:.1f} s)", file=sys.stderr, flush=True)  # noqa: T201

    return report


async def _in_browser(options: DemoOptions, now: datetime | None) -> None:
    """Run until the process is interrupted."""
    clock = SystemClock(now)
    async with run_demo_environment(options, clock, _step_reporter(), periodic=True) as catflap:
        garbage_collection.exclude_started()
        print(catflap.services.settings.origin, flush=True)  # noqa: T201
        print(  # noqa: T201
            "\n  Open this address, sign in with Google (a sandbox; no password), and wait for Mia to speak."
            "\n  Change her calendar meanwhile: docs/sandbox.md has the commands. Ctrl-C stops everything.\n",
            file=sys.stderr,
            flush=True,
        )
        await asyncio.Event().wait()


def _prepare_output() -> None:
    """Create the output directory, and delete the sounds of an earlier run.

    Raises:
        OperatorMustAct: `out_unwritable`.
    """
    try:
        OUT.mkdir(exist_ok=True)
        for old in OUT.glob("*.wav"):
            old.unlink()
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write to {OUT}/ here: {error.strerror}.") from None


async def _once(options: DemoOptions, now: datetime | None, *, as_json: bool) -> None:
    """Sign in, plan a day, synthesise all announcements, and print each step."""
    clock = FixedClock(now or datetime.now(UTC))
    began = clock.now()
    output = _json_line if as_json else _human_line
    async with (
        run_demo_environment(options, clock, _step_reporter(), periodic=False) as catflap,
        httpx2.AsyncClient(verify=tls_context(), timeout=30) as browser,
        httpx2.AsyncClient(verify=tls_context(), timeout=30) as device_http,
    ):
        origin = catflap.services.settings.origin
        client = DemoClient(browser, origin, EMAIL)
        me = await client.sign_in()
        output("signed_in", user_id=me["user_id"], email=me["accounts"][0]["email"])
        grant = me["grants"][0]
        output("grant", state=grant["state"], scopes=grant["scopes"], missing_scopes=grant["missing_scopes"])
        await client.send("PUT", "/v1/preferences", {**_PREFERENCES, "zone": options.zone})
        device = VirtualDevice(device_http, origin, clock)
        await device.pair(client)
        document = await device.schedule()
        calendars = (await client.get("/v1/calendars"))["calendars"]
        output("synced", calendars=len(calendars), events=sum(one["events"] for one in calendars))
        planned = (await client.get("/v1/announcements"))["announcements"]
        output("planned", announcements=len(planned), since=rfc3339(began), until=rfc3339(began + HORIZON))
        spoken = await _speak(device, document, {one["id"]: one for one in planned}, output)
        states = [one["state"] for one in (await client.get("/v1/announcements"))["announcements"]]
        output(
            "summary",
            signed_in=1,
            grants=len(me["grants"]),
            calendars=len(calendars),
            events=sum(one["events"] for one in calendars),
            planned=len(planned),
            spoken=len(spoken),
            acknowledged=states.count("played"),
            seconds_of_speech=round(sum(spoken), 1),
        )


async def _speak(
    device: VirtualDevice,
    document: dict[str, Any],
    planned: dict[str, dict[str, Any]],
    output: Callable[..., None],
) -> list[float]:
    lengths = []
    for number, announcement in enumerate(document["announcements"], 1):
        plan = planned[announcement["id"]]
        at = datetime.fromisoformat(announcement["play_at"])
        file = OUT / f"{number:03}-{at:%Y%m%dT%H%M%SZ}-{plan['kind']}.wav"
        sound, seconds = await device.play(announcement)
        await asyncio.to_thread(file.write_bytes, sound)
        titles = plan["titles"]
        output(
            "spoken",
            kind=plan["kind"],
            event_title=titles[0] if len(titles) == 1 else titles,
            event_start=plan["event_start"],
            play_at=announcement["play_at"],
            text=announcement["text"],
            dialect=plan["dialect"],
            audio=str(file),
            seconds=seconds,
        )
        lengths.append(seconds)
    return lengths


def _json_line(step: str, **members: Any) -> None:
    print(json.dumps({"step": step, **members}, ensure_ascii=False), flush=True)  # noqa: T201


def _human_line(step: str, **members: Any) -> None:
    if step == "spoken":
        line = f"{members['play_at']}  {members['text']}  [{members['dialect']}, {members['audio']}]"
    else:
        line = "  ".join(f"{name}={value}" for name, value in members.items())
    print(f"{step:10} {line}", flush=True)  # noqa: T201
