"""Commands that end by themselves, and one that ends by Ctrl-C."""

import signal
import wave
from pathlib import Path

import httpx2
import pytest

from tests.journeys.conftest import OWN_CALENDARS, run, start

pytestmark = pytest.mark.slow


def test_help_shows_examples(tmp_path: Path) -> None:
    for command in ("demo", "serve", "work", "sandbox", "say", "wyoming", "doctor"):
        result = run(command, "--help", cwd=tmp_path)
        assert result.returncode == 0
        assert "Example" in result.stdout


def test_say_writes_a_sound(tmp_path: Path) -> None:
    result = run("say", "お茶の時間やで", "--out", "tea.wav", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with wave.open(str(tmp_path / "tea.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() > 1


def test_say_without_words_lists_the_dialects(tmp_path: Path) -> None:
    assert "kansai" in run("say", cwd=tmp_path).stdout


def test_the_sandbox_serves_until_ctrl_c_and_exits_cleanly(tmp_path: Path) -> None:
    calendar = str(OWN_CALENDARS / "a_week.ics")
    with start("sandbox", "--port", "0", "--calendar", calendar, cwd=tmp_path) as process:
        assert process.stdout is not None
        discovery = process.stdout.readline().split()[1]
        assert httpx2.get(discovery).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_the_sandbox_says_what_it_imported_and_what_it_could_not_read(tmp_path: Path) -> None:
    calendar = tmp_path / "mixed.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:good\nDTSTART:20261202T100000Z\nSUMMARY:Tea\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:bad\nDTSTART:20260230T100000Z\nSUMMARY:Cake\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    with start("sandbox", "--port", "0", "--calendar", str(calendar), cwd=tmp_path) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(8)]
    assert lines[6] == "mixed.ics: 1 event imported, 1 skipped, 0 assumed"
    assert lines[7] == "skipped: bad: its DTSTART cannot be read"


def test_the_sandbox_rejects_a_file_that_is_not_a_calendar(tmp_path: Path) -> None:
    (tmp_path / "x.ics").write_text("<html>")
    result = run("sandbox", "--port", "0", "--calendar", "x.ics", cwd=tmp_path)
    assert result.returncode == 2
    assert "catflap sandbox: Can't import x.ics: this is not an iCalendar file" in result.stderr


def test_the_demo_stops_everything_at_ctrl_c(tmp_path: Path, data_dir: Path) -> None:
    data = ("--data-dir", str(data_dir))
    with start("demo", "--port", "0", "--sandbox-port", "0", *data, cwd=tmp_path) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx2.get(url + "/readyz").json() == {"status": "ready"}
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def test_say_without_a_player_writes_a_file_and_says_so(tmp_path: Path) -> None:
    # Flite is a program, and PATH has none.
    result = run("say", "Hello there", cwd=tmp_path, PATH=str(tmp_path), CATFLAP_VOICES="espeak")
    assert result.returncode == 0, result.stderr
    assert "No player" in result.stdout and "mia.wav" in result.stdout
    assert (tmp_path / "mia.wav").read_bytes().startswith(b"RIFF")


@pytest.mark.parametrize(
    ("name", "begin"), [("a.mp3", b"\xff"), ("a.OPUS", b"OggS"), ("a.ogg", b"OggS"), ("a.flac", b"fLaC")]
)
def test_say_writes_the_format_of_the_suffix(tmp_path: Path, name: str, begin: bytes) -> None:
    result = run("say", "Hello there", "--out", name, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / name).read_bytes().startswith(begin)


@pytest.mark.parametrize(
    "arguments", [("--out", "a.aac"), ("--dialect", "parrot"), ("--out", "missing/a.wav")]
)
def test_say_names_what_it_can_where_it_cannot(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = run("say", "Hello there", *arguments, cwd=tmp_path)
    assert result.returncode in (2, 3)
    assert any(word in result.stderr for word in (".wav, .mp3", "kansai, kyoto", "Can't write missing"))
    assert list(tmp_path.iterdir()) == []
