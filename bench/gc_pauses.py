"""The longest garbage collections of `catflap serve` and `catflap work` under load.

`python -m bench.gc_pauses COMMAND …` runs `catflap COMMAND …`; when it is stopped, it prints the collections
since SIGUSR1 as one JSON object. `keep-visiting` before the command leaves out `gc.freeze`, for comparison.
"""

import asyncio
import gc
import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from bench.vault_stage import Stage, stop, until_up
from catflap.cli import main
from catflap.cli.sockets import bind, port_of
from catflap.clock import SystemClock
from catflap.devices.devices import Devices
from catflap.store.queue import enqueue
from catflap.store.tables import accounts, sounds
from catflap.store.task_types import SYNC, AccountKey
from catflap.vault.api_keys import ApiKeys

CONNECTIONS, EVENTS, SYNCED = 32, 50, 20


async def gc_pauses(stage: Stage, *, seconds: float) -> dict[str, Any]:
    """Return the CPU time of the longest collection, in ms, and the share of collections in all CPU time."""
    rows: dict[str, Any] = {}
    for name, order in (("", ()), (", without gc.freeze", ("keep-visiting",))):
        rows |= _rows(f"serve{name}", await _serve(stage, seconds, *order))
        rows |= _rows(f"work{name}", await _work(stage, seconds, *order))
    return rows


def _rows(name: str, measured: dict[str, float]) -> dict[str, Any]:
    return {
        f"{name}: longest collection, ms": measured["longest_ms"],
        f"{name}: collections, % of CPU time": measured["percent"],
        f"{name}: a full collection, ms": measured["full_ms"],
    }


async def _serve(stage: Stage, seconds: float, *order: str) -> dict[str, float]:
    """Measure token route, page and sign-in of `catflap serve`."""
    people = await stage.people(CONNECTIONS, "collected.example.com")
    _, key = await ApiKeys(stage.vault_engine, SystemClock()).create("bench", ["tokens"], per_minute=10**9)
    with bind("127.0.0.1", 0) as free:
        port = port_of(free)
    process = _start(stage, *order, "serve", "--port", str(port))
    origin = f"http://127.0.0.1:{port}"
    await until_up(stage.http, f"{origin}/readyz", process)
    process.send_signal(signal.SIGUSR1)
    until = time.monotonic() + seconds

    async def ask(user: int) -> None:
        paths = [*[f"/v1/users/{user}/google/token"] * 20, "/", "/signin/google?scopes=calendar"]
        while time.monotonic() < until:
            for path in paths:
                response = await stage.http.get(origin + path, headers={"Authorization": f"Bearer {key}"})
                assert response.status_code < 400, response.text

    await asyncio.gather(*(ask(user) for user, _, _ in people))
    return await _stopped(process)


async def _work(stage: Stage, seconds: float, *order: str) -> dict[str, float]:
    """Measure first syncs, plans and renderings of `catflap work`."""
    process = _start(stage, *order, "work")
    assert process.stderr is not None
    await asyncio.to_thread(process.stderr.readline)
    # In each run other accounts and titles, so that each has sounds to render.
    people = await stage.people(SYNCED, f"{len(order)}.synced.example.com")
    process.send_signal(signal.SIGUSR1)
    for user, sub, email in people:
        await _fill_calendar(stage, user, sub, email)
    before = await _count_sounds(stage)
    async with stage.app_engine.begin() as connection:
        await enqueue(connection, SYNC, *(AccountKey(user, sub) for user, sub, _ in people))
    await asyncio.sleep(seconds)
    for _ in range(100):
        if await _count_sounds(stage) > before:
            break
        await asyncio.sleep(0.2)
    else:
        raise TimeoutError("nothing was rendered")
    return await _stopped(process)


async def _fill_calendar(stage: Stage, user_id: int, sub: str, email: str) -> None:
    """Give a user an account with appointments, and a device that announces them."""
    url, now = f"{stage.google.url}/sandbox/calendars/{email}/primary/import", SystemClock().now()
    (await stage.http.post(url, content=_calendar(email, now))).raise_for_status()
    account = {"user_id": user_id, "sub": sub, "email": email, "email_verified": True, "is_primary": True}
    async with stage.app_engine.begin() as connection:
        await connection.execute(insert(accounts).values(**account, created_at=now, updated_at=now))
    await Devices(stage.app_engine, SystemClock()).add_browser(user_id, "bench")


async def _count_sounds(stage: Stage) -> int:
    async with stage.app_engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(sounds)) or 0)


def _calendar(email: str, now: datetime) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//catflap//bench//EN"]
    for number in range(EVENTS):
        start = now + timedelta(minutes=30 * number + 30)
        lines += ["BEGIN:VEVENT", f"UID:{number}@bench", f"DTSTART:{start:%Y%m%dT%H%M%SZ}"]
        lines += [f"SUMMARY:Meeting {number} {email}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _start(stage: Stage, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.gc_pauses", *arguments]
    # Sign-ins are begun as fast as pages are asked for.
    environment = {**stage.environment, "CATFLAP_SIGNINS_PER_MINUTE": "1000000"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def _stopped(process: "subprocess.Popen[bytes]") -> dict[str, float]:
    await asyncio.to_thread(stop, process)
    output, _ = process.communicate()
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


class _Collections:
    """The collections of this process, by `gc.callbacks`; CPU time, so that a busy machine adds nothing."""

    def __init__(self) -> None:
        self._began = 0.0
        self.start_again()
        gc.callbacks.append(self._note)

    def start_again(self, *_: object) -> None:
        self._seconds: list[float] = []
        self._since = time.process_time()

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self._seconds.append(time.thread_time() - self._began)

    def report(self) -> dict[str, float]:
        spent, seconds = time.process_time() - self._since, list(self._seconds)
        gc.collect()
        return {
            "longest_ms": round(max(seconds, default=0.0) * 1000, 1),
            "percent": round(100 * sum(seconds) / spent, 1),
            "full_ms": round(self._seconds[-1] * 1000, 1),
        }


def _run(arguments: list[str]) -> None:
    if arguments[0] == "keep-visiting":
        gc.freeze = lambda: None
        arguments = arguments[1:]
    collections = _Collections()
    signal.signal(signal.SIGUSR1, collections.start_again)
    sys.argv[1:] = arguments
    try:
        main()
    finally:
        print(json.dumps(collections.report()), flush=True)


if __name__ == "__main__":
    _run(sys.argv[1:])
