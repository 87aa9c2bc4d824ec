"""Processes of tests: `catflap` commands, and callers of the vault that begin at the same moment."""

import asyncio
import multiprocessing
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support import command_line, vault_caller

# One process imports everything and is forked for each other, which then costs no second to start.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([vault_caller.__name__, command_line.__name__])
_SECONDS = 120


def run_command(*arguments: str, cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `catflap` with arguments until it ends."""
    with tempfile.TemporaryDirectory(prefix="catflap-test-") as output:
        orders = (arguments, str(cwd), environment, output)
        process = _PROCESSES.Process(target=command_line.run, args=orders)
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"catflap {' '.join(arguments)} did not end")
        written = (Path(output, name).read_text() for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(arguments, process.exitcode, *written)


class Caller:
    """One process with its orders."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self._pipe, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=vault_caller.run, args=(orders, theirs), daemon=True)
        self._process.start()
        theirs.close()

    async def ready(self) -> None:
        """Return when it waits for `go`."""
        assert await asyncio.to_thread(self._pipe.recv) == "ready"

    def go(self) -> None:
        self._pipe.send("go")

    async def result(self) -> dict[str, Any] | None:
        """What came out; None when it was killed."""
        try:
            found: dict[str, Any] = await asyncio.to_thread(self._pipe.recv)
        except EOFError:
            found = {}
        await asyncio.to_thread(self._process.join)
        if self._process.exitcode == -9:
            return None
        assert self._process.exitcode == 0
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def interrupt(process: subprocess.Popen[str]) -> None:
    """End a command as Ctrl-C does, and kill it where that takes half a minute."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    finally:
        process.kill()
        assert process.stdout is not None
        process.stdout.close()


async def run_together(*orders: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Run one process for each of `orders`, all let go together."""
    callers = [Caller(one) for one in orders]
    try:
        await asyncio.gather(*(one.ready() for one in callers))
        for one in callers:
            one.go()
        return list(await asyncio.gather(*(one.result() for one in callers)))
    finally:
        for one in callers:
            one.close()
