"""`catflap device firmware` writes what a board needs, and the firmware runs with it."""

import json
import re
import sys
import wave
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catflap.cli import cli
from catflap.cli.device.firmware import firmware_file
from catflap.cli.device.firmware_texts import DIGITS, TEXTS
from catflap.clock import FixedClock
from catflap.web.i18n import texts
from tests.support.firmware import running_firmware

SERVER = "https://mia.example.org"


def write(folder: Path, *more: str) -> str:
    done = CliRunner().invoke(cli, ["device", "firmware", str(folder), *more])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("board")
    output = write(made, "--server", SERVER, "--dialect", "plain", "--channel", "mqtt", "--board", "esp32")
    assert f"cd {made} && mpremote cp -r . :" in output
    yield made


def test_it_has_program_configuration_authorities_and_each_sound(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert (config["server"], config["channel"], config["pins"]["din"]) == (SERVER, "mqtt", 22)
    assert "wifi" not in config
    assert {one.name for one in folder.iterdir()} == {
        *("certificates", "config.json", "main.py", "mia.mpy", "sounds")
    }
    sounds = {one.stem for one in (folder / "sounds").iterdir()}
    assert sounds == {*TEXTS["en"], *"0123456789"}
    assert b"ISRG Root X1" in b"".join(one.read_bytes() for one in (folder / "certificates").iterdir())
    # The file system of a board with 4 MB has 2 MB; the rest is for sounds of announcements.
    assert sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) < 800_000


def test_the_password_of_the_wifi_is_for_its_owner_alone(tmp_path: Path) -> None:
    output = write(tmp_path, "--server", SERVER, "--wifi-name", "Home", "--wifi-password", "canary-7")
    config = tmp_path / "config.json"
    assert json.loads(config.read_text())["wifi"] == {"name": "Home", "password": "canary-7"}
    assert (config.stat().st_mode & 0o777, "canary-7" in output) == (0o600, False)


def test_each_language_has_all_that_the_firmware_says() -> None:
    program = firmware_file().read_text()
    said = set(re.findall(r'(?:_say|_complain|Trouble)\(\s*"(\w+)"', program)) | {"muted", "unmuted"}
    assert set(TEXTS["en"]) == set(TEXTS["ja"]) == said
    assert [len(DIGITS[language]) for language in TEXTS] == [10, 10]


def test_what_it_says_of_pairing_is_what_the_page_says() -> None:
    for language, phrase in (("en", "add a device"), ("ja", "デバイスを追加")):
        assert phrase in TEXTS[language]["pair"]
        assert phrase in texts(language)["device_add"].lower()


async def test_the_firmware_says_these_sounds(folder: Path, clock: FixedClock) -> None:
    async with running_firmware(folder, clock=clock, wifi=[]) as mia:
        await mia.until("portal_open")
        await mia.advance(timedelta(seconds=20))
        recorded = await mia.until("recorded")
        with wave.open(str(folder / recorded["file"])) as sound:
            assert sound.getframerate() == 16_000
            assert 2 < sound.getnframes() / 16_000 < 15
        assert not mia.find("prompt_missing")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--server", "mia.example.org"], "--server"),
        (["--server", SERVER, "--ca", "/nowhere.pem"], "/nowhere.pem"),
        (["--server", SERVER, "--ca", sys.executable], "no certificate"),
        (["--server", SERVER, "--dialect", "klingon"], "no such dialect"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path: Path, arguments: list[str], word: str) -> None:
    done = CliRunner().invoke(cli, ["device", "firmware", str(tmp_path / "out"), *arguments])
    assert done.exit_code not in (0, 1)
    assert word in done.output
    assert not (tmp_path / "out").exists()
