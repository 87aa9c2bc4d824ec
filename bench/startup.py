"""Start-up time and memory of Catflap.

Beside a bare `import fastapi, sqlalchemy, asyncpg` in the same run, so that the figures mean something on
another machine.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import psutil

from bench.records import Rows
from catflap.cli.sockets import bind, port_of

CATFLAP = [sys.executable, "-m", "catflap.cli"]
_WARM_STARTS = 3


def measure() -> Rows:
    """Return seconds of the start and megabytes of memory."""
    rows = {"bare imports, s": _bare(), "demo --once, s": _once(), "catflap --help, CPU s": _help()}
    with tempfile.TemporaryDirectory(prefix="catflap-bench-") as folder, _google() as environment:
        rows["serve, cold, s to /readyz"], _ = _serve(Path(folder), environment)
        for _ in range(_WARM_STARTS):
            seconds, memory = _serve(Path(folder), environment)
            rows["serve, warm, s to /readyz"] = min(seconds, rows.get("serve, warm, s to /readyz", seconds))
        rows["serve, idle, MB (PSS, without PostgreSQL)"] = memory
        rows["work, idle, MB (PSS, without PostgreSQL)"] = _work(Path(folder), environment)
    rows["demo after speaking, MB (PSS)"] = _memory()
    return {name: round(value, 2) for name, value in rows.items()}


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import fastapi, sqlalchemy, asyncpg"], check=True)
    return time.perf_counter() - began


def _help() -> float:
    before = os.times()
    subprocess.run([*CATFLAP, "--help"], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _once() -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [*CATFLAP, "demo", "--once", "--json"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - began


@contextlib.contextmanager
def _running(
    *arguments: str, environment: Mapping[str, str] | None = None, stderr: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*CATFLAP, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@contextlib.contextmanager
def _google() -> Iterator[dict[str, str]]:
    with _running("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        discovery = process.stdout.readline().split()[1]
        yield {
            "CATFLAP_GOOGLE_DISCOVERY_URL": discovery,
            "GOOGLE_CLIENT_ID": "sandbox.apps.googleusercontent.com",
            "GOOGLE_CLIENT_SECRET": "GOCSPX-sandbox",
        }


def _serve(folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until it is ready, and its memory then."""
    with bind("127.0.0.1", 0) as free:
        port = port_of(free)
    began = time.perf_counter()
    with _running(
        "serve", "--port", str(port), "--data-dir", str(folder), environment=environment
    ) as process:
        _until_ready(f"http://127.0.0.1:{port}")
        return time.perf_counter() - began, _pss_of(process.pid)


def _work(folder: Path, environment: dict[str, str]) -> float:
    with _running(
        "work", "--data-dir", str(folder), environment=environment, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) != "Catflap works.\n":
            assert line, "catflap work has ended"
        return _pss_of(process.pid)


def _until_ready(origin: str) -> None:
    for _ in range(3000):
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(origin + "/readyz").status_code == 200:
                return
        time.sleep(0.01)
    raise TimeoutError(origin)


def _memory() -> float:
    """Return the memory of all processes of the demo, after synthesis in both languages."""
    with tempfile.TemporaryDirectory(prefix="catflap-bench-") as folder:
        command = [*CATFLAP, "demo", "--once", "--json", "--data-dir", folder]
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        most = 0.0
        for line in process.stdout:
            if '"spoken"' in line or '"summary"' in line:
                most = max(most, _pss(process.pid, folder))
        process.wait(30)
        return most


def _pss(pid: int, folder: str) -> float:
    ours = psutil.Process(pid)
    family = [ours, *ours.children(recursive=True)]
    for one in psutil.process_iter(["name", "cmdline"]):
        if one.info["name"] == "postgres" and folder in " ".join(one.info["cmdline"] or []):
            family += [one, *one.children(recursive=True)]
    return sum(_pss_of(one.pid) for one in {one.pid: one for one in family}.values())


def _pss_of(pid: int) -> float:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0
