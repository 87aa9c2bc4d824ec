"""Invalid input: one line that says what to do, and a non-zero exit code."""

import socket
from pathlib import Path

import pytest

from tests.journeys.conftest import run

pytestmark = pytest.mark.slow


def one_line(text: str) -> str:
    complaints = [line for line in text.splitlines() if line.startswith("catflap: ")]
    assert len(complaints) == 1, text
    assert "Traceback" not in text
    return complaints[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00binary",
        b"BEGIN:VEVENT\nEND:VEVENT",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
        b"<html>",
    ],
)
def test_a_file_that_is_not_an_icalendar_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ics").write_bytes(content)
    result = run("demo", "--once", "--calendar", "x.ics", cwd=tmp_path)
    assert result.returncode == 2
    assert "x.ics" in one_line(result.stderr)
    assert list((tmp_path / "demo-out").glob("*.wav")) == []


def test_a_missing_calendar_file(tmp_path: Path) -> None:
    result = run("demo", "--once", "--calendar", "nowhere.ics", cwd=tmp_path)
    assert result.returncode == 2
    assert "nowhere.ics" in one_line(result.stderr)


@pytest.mark.parametrize(("option", "other"), [("--port", "--sandbox-port"), ("--sandbox-port", "--port")])
def test_a_port_that_is_taken(tmp_path: Path, option: str, other: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("demo", option, port, other, "0", cwd=tmp_path)
    assert result.returncode == 3
    line = one_line(result.stderr)
    assert port in line
    assert option in line


def test_a_data_directory_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("demo", "--once", "--data-dir", "file/data", cwd=tmp_path)
    assert result.returncode == 3
    assert "--data-dir" in one_line(result.stderr)


@pytest.mark.parametrize("now", ["yesterday", "2026-13-01", ""])
def test_an_invalid_time(tmp_path: Path, now: str) -> None:
    result = run("demo", "--once", "--now", now, cwd=tmp_path)
    assert result.returncode == 2
    assert "2026-11-24T06:00:00+00:00" in one_line(result.stderr)


def test_a_zone_that_is_none(tmp_path: Path) -> None:
    result = run("demo", "--once", "--zone", "Mars/Olympus", cwd=tmp_path)
    assert result.returncode == 2
    assert "Asia/Tokyo" in one_line(result.stderr)


def test_serving_without_a_google_client(tmp_path: Path) -> None:
    result = run("serve", "--port", "0", cwd=tmp_path, CATFLAP_DATA_DIR=str(tmp_path / "data"))
    assert result.returncode == 3
    assert "GOOGLE_CLIENT_ID" in one_line(result.stderr)
    assert not (tmp_path / "data").exists()
