"""The command `google-sandbox`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "import sys; from google_sandbox.cli import main; sys.exit(main())"]
MIXED = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:good\nDTSTART:20261202T100000Z\nSUMMARY:Tea\nEND:VEVENT\n"
    "BEGIN:VEVENT\nUID:bad\nDTSTART:20260230T100000Z\nSUMMARY:Cake\nEND:VEVENT\nEND:VCALENDAR\n"
)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command; it is killed at the end if it still runs."""
    with subprocess.Popen([*COMMAND, *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("command", [[], ["proxy"]], ids=["sandbox", "proxy"])
def test_help_shows_examples(tmp_path: Path, command: list[str]) -> None:
    shown = run(*command, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert "Example" in shown.stdout and "google-sandbox" in shown.stdout


def test_it_serves_until_ctrl_c_and_then_ends_with_status_0(tmp_path: Path) -> None:
    (tmp_path / "mixed.ics").write_text(MIXED)
    with started("--port", "0", "--calendar", "mixed.ics", cwd=tmp_path) as process:
        printed = lines(process, 8)
        assert httpx2.get(printed[0].split()[1]).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert printed[6:] == [
        "mixed.ics: 1 event imported, 1 skipped, 0 assumed",
        "skipped: bad: its DTSTART cannot be read",
    ]


def test_the_proxy_beside_it_prints_what_to_set(tmp_path: Path) -> None:
    with started("--port", "0", "--proxy-port", "0", cwd=tmp_path) as process:
        printed = lines(process, 10)
    assert printed[6].startswith("proxy           http://127.0.0.1:")
    assert printed[7] == "its certificate sandbox-ca.pem"
    assert any(line.startswith("export HTTPS_PROXY=http://127.0.0.1:") for line in printed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--calendar", "none.ics"], "Can't read none.ics: No such file or directory."),
        (["--calendar", "page.ics"], "Can't import page.ics: this is not an iCalendar file"),
        (["--account", "nonsense"], "'nonsense' is not an email address"),
        (["--state-file", "page.ics"], "page.ics is not a state file of this sandbox"),
        (["--client-type", "spa"], "invalid choice: 'spa'"),
        (["--proxy-port", "0", "--ca-file", "no/such/folder.pem"], "folder.pem"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "page.ics").write_text("<html>")
    ended = run("--port", "0", *arguments, cwd=tmp_path)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--port"], ["--port", "0", "--proxy-port"], ["proxy", "--port"]], ids=" ".join
)
def test_a_port_that_is_taken_is_named_with_its_option(tmp_path: Path, arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(*arguments, str(port), cwd=tmp_path)
    assert ended.returncode == 3
    assert ended.stderr == (
        f"google-sandbox: port {port} on 127.0.0.1 is taken; choose another with {arguments[-1]}.\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    ended = run("--port", port, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (
        3,
        f"google-sandbox: {port} is not a port number; choose another with --port.\n",
    )
