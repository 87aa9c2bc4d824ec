"""`make bench`: measure Catflap and other libraries on this machine, and write bench/results.

Every measure prints its rows, with "met" or "missed" where there is a target. The results of `--quick` are
less exact and are not written; those of a full run also fill the tables of docs/.
"""

import argparse
import asyncio
import inspect
import logging
import signal
import time
import traceback
from typing import Any

import structlog
import uvloop

from bench import docs, records
from bench.measures import Measure, measures

BUSY_PERCENT = 25
EXAMPLES = """
examples:
  make bench                                     everything
  make bench ARGS="--quick"                      everything, shorter, without writing results
  make bench ARGS="--only token signin.exchange" a group and a single measure
  make bench ARGS="--only speech.understood --sample 10"
                                                 a part of a long measure, without writing results
  make bench ARGS="--list"                       the names, with the time each took

Measures of one run can be compared with each other, those of two machines can't. Close what else is running.
"""

# Of fewer sentences of each dialect, the shares are a matter of luck.
WRITTEN_SAMPLE = 20


async def main(quick: bool, only: list[str], sentences: int | None) -> int:
    """Run the chosen measures in order; return the number of those that failed."""
    if task := asyncio.current_task():
        # Servers that a measure has started end with it, also when `timeout` or `kill` ends this process.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    chosen = [one for one in measures(quick, sentences) if _is_chosen(one, only)]
    failed, missed, files = [], [], set()
    for number, measure in enumerate(chosen, 1):
        print(f"\n[{number}/{len(chosen)}] {measure.name}: {measure.title}{_usual(measure)}", flush=True)
        about = records.surroundings()
        if about["busy_before_percent"] > BUSY_PERCENT:
            print(
                f"  Other programs use {about['busy_before_percent']:.0f} % of the CPU: expect worse figures."
            )
        try:
            record = {"title": measure.title, **about, **await _run(measure)}
        except Exception:
            traceback.print_exc()
            failed.append(measure.name)
            continue
        print_record(record)
        missed += [f"{measure.name}: {what}" for what in records.missed(record)]
        if not quick and (sentences is None or sentences >= WRITTEN_SAMPLE):
            files.add(records.write(measure.name, record))
    print(*(f"\nmissed: {what}" for what in missed), *(f"\nfailed: {name}" for name in failed), sep="")
    files |= set(docs.rewrite())
    print(*(f"written: {file.relative_to(records.ROOT)}" for file in sorted(files)), sep="\n")
    return len(failed)


async def _run(measure: Measure) -> dict[str, Any]:
    began = time.monotonic()
    if inspect.iscoroutine(found := await asyncio.to_thread(measure.run)):
        found = await found
    took = round(time.monotonic() - began, 1)
    return {"took_s": took, "rows": found, "targets": dict(measure.targets)}


def print_record(record: dict[str, Any]) -> None:
    """Print the rows of a record as aligned tables."""
    for lines in records.tables(record):
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for first, *others in lines:
            cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
            print(f"  {first:<{widths[0]}}  {'  '.join(cells)}".rstrip())


def _usual(measure: Measure) -> str:
    took = records.read(measure.group).get(measure.name.partition(".")[2], {}).get("took_s")
    return f" (took {took:.0f} s when it was last measured)" if took else ""


def _is_chosen(measure: Measure, only: list[str]) -> bool:
    return not only or measure.name in only or measure.group in only


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="run these groups or measures")
    parser.add_argument("--quick", action="store_true", help="shorter runs; results are not written")
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help=f"only N sentences of each dialect in speech.understood; written if at least {WRITTEN_SAMPLE}",
    )
    parser.add_argument("--list", action="store_true", help="print the measures, and run none")
    return parser


if __name__ == "__main__":
    parser = _parser()
    given = parser.parse_args()
    known = {one.name for one in measures()} | {one.group for one in measures()}
    if unknown := [name for name in given.only if name not in known]:
        parser.error(f"there is no measure {', '.join(unknown)}; --list shows all")
    if given.list:
        for one in measures():
            print(f"{one.name:<20}{one.title}{_usual(one)}")
    else:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        raise SystemExit(uvloop.run(main(given.quick, given.only, given.sample)))
