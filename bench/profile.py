"""Where the CPU time of the token route, a sign-in or a calendar job goes: `python -m bench.profile token`.

Takes the stack of this process at intervals of CPU time; cProfile would add up wrongly what SQLAlchemy runs
in greenlets. Prints the share of the samples in which a function, or what it calls, was running ("with
calls") and in which it was running itself ("alone"). The stacks are written to `token.folded`, one per line
with its count, for flamegraph.pl, inferno or speedscope.
"""

import argparse
import asyncio
import logging
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

import greenlet
import structlog
import uvloop

from bench import calendar_cpu, week
from bench.signin import CODE_PATH, Client
from bench.vault_http import ask_all, token_requests
from bench.vault_stage import Stage, open_stage
from catflap.announcements.planning import plan
from catflap.app import open_catflap
from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of

JOBS = {
    "sync": "sync without change",
    "first-sync": "first sync",
    "plan": "plan again, nothing changed",
    "replan": "plan computed",
}
INTERVAL_SECONDS = 0.001
# Sign-ins between two fetches of codes.
_BATCH = 50


@dataclass
class Profile:
    """Stacks with the number of samples, outermost function first, and the CPU time that was sampled."""

    stacks: Counter[tuple[str, ...]] = field(default_factory=Counter)
    cpu_seconds: float = 0.0


@contextmanager
def sampled(profile: Profile) -> Iterator[None]:
    """Count the stacks of the main thread; Linux takes a sample at a tick of its clock, at most."""

    def sample(_signal: int, frame: FrameType | None) -> None:
        names = [_name(code) for code in running(frame)]
        profile.stacks[tuple(reversed(names))] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
    began = time.process_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        profile.cpu_seconds += time.process_time() - began


def running(frame: FrameType | None) -> Iterator[CodeType]:
    """Yield the code of a frame and of its callers, across greenlets."""
    current = greenlet.getcurrent()
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back
        if frame is None and current.parent is not None:
            current = current.parent
            frame = current.gr_frame


def _name(code: CodeType) -> str:
    return f"{code.co_qualname} ({'/'.join(Path(code.co_filename).parts[-3:])})"


async def token_route(stage: Stage, profile: Profile, seconds: float) -> int:
    """Sample the application in this process while another sends requests; return how many it answered."""
    requests = await token_requests(stage)
    listener = bind("127.0.0.1", 0)
    port, loop = port_of(listener), asyncio.get_running_loop()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as client:
        async with open_catflap(stage.settings(port=port)) as catflap, serving(catflap.web, listener):
            await loop.run_in_executor(client, _send, port, requests, 1.0)
            with sampled(profile):
                return await loop.run_in_executor(client, _send, port, requests, seconds)


def _send(port: int, requests: list[bytes], seconds: float) -> int:
    return len(uvloop.run(ask_all([port], requests, time.monotonic() + seconds)))


async def first_sign_in(stage: Stage, profile: Profile, seconds: float) -> int:
    """Sample first sign-ins of native apps, one after the other; return how many there were."""
    listener = bind("127.0.0.1", 0)
    port, times = port_of(listener), 0
    async with (
        open_catflap(stage.settings(port=port, signins_per_minute=1_000_000)) as catflap,
        serving(catflap.web, listener),
    ):
        while profile.cpu_seconds < seconds:
            people = await stage.google.accounts(_BATCH, f"batch{times}.example.com")
            codes = [await stage.google.code(one["email"]) for one in people]
            client = Client(port)
            with sampled(profile):
                for code in codes:
                    await client.send(CODE_PATH, {"client": "native", "code": code})
            await client.close()
            times += _BATCH
    return times


def week_of_plans(profile: Profile, seconds: float) -> int:
    """Sample plans of a week, each of other titles; return how many there were."""
    times = 0
    while profile.cpu_seconds < seconds:
        found = week.occurrences(title=f"week {times}")
        known = week.facts(found)
        with sampled(profile):
            plan(found, week.MANY, week.NOW, week.WEEK, known)
        times += 1
    return times


async def job(stage: Stage, profile: Profile, name: str, seconds: float) -> int:
    """Sample a calendar job, again and again; return how often it ran."""
    async with calendar_cpu.opened(stage) as application:
        few = await calendar_cpu.person(stage, application, calendar_cpu.FEW)
        steps = await calendar_cpu.steps(stage, application, few, few)
        step, prepare, *_ = next(one for title, one in steps.items() if title.startswith(name))
        until, times = time.monotonic() + seconds, 0
        with sampled(profile):
            while time.monotonic() < until:
                if prepare is not None:
                    await prepare()
                await step()
                times += 1
    return times


def print_shares(profile: Profile, lines: int) -> None:
    """Print the functions that were running in most samples."""
    with_calls: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    total = profile.stacks.total()
    for stack, count in profile.stacks.items():
        with_calls.update(dict.fromkeys(stack, count))
        alone[stack[-1]] += count
    print("with calls   alone")
    for function, count in with_calls.most_common(lines):
        print(f"{count / total:>10.1%}{alone[function] / total:>8.1%}  {function}")


def write(profile: Profile, file: Path) -> Path:
    """Write the stacks in the format of flame graphs; return the file."""
    file.write_text("".join(f"{';'.join(stack)} {count}\n" for stack, count in profile.stacks.items()))
    return file


async def main(what: str, seconds: float, lines: int) -> None:
    """Sample, print and write."""
    profile = Profile()
    async with AsyncExitStack() as stack:
        if what == "week":
            count = week_of_plans(profile, seconds)
        elif (stage := await stack.enter_async_context(open_stage())) and what == "token":
            count = await token_route(stage, profile, seconds)
        elif what == "signin":
            count = await first_sign_in(stage, profile, seconds)
        else:
            count = await job(stage, profile, JOBS[what], seconds)
    print_shares(profile, lines)
    file = write(profile, Path(f"{what}.folded"))
    each = profile.cpu_seconds / count * 1000
    print(f"{what}: {count} times, {each:.3f} ms of CPU each; {profile.stacks.total()} samples in {file}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["token", "signin", "week", *JOBS])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to take samples [10]")
    parser.add_argument("--lines", type=int, default=40, help="functions to print [40]")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    uvloop.run(main(given.what, given.seconds, given.lines))
