"""`catflap device esphome`: pair an ESP32 that runs ESPHome, and write its configuration into a folder."""

import asyncio
import contextlib
import json
import secrets
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from catflap.cli.device.shown_code import token_by_code
from catflap.cli.runner import command, run
from catflap.errors import BadRequest, OperatorMustAct
from catflap.player.api import DeviceApi
from catflap.player.storage import Storage
from catflap.settings import Settings
from catflap.store.data_dir import write_secret
from catflap.tls import tls_context

cli = command()
_NAME = Path("esphome") / "mia.yaml"
_CA_LINE = "  # certificate_authority: !secret mqtt_ca"


@cli.command(
    epilog="Example:  catflap device esphome mia --server https://mia.example.com && esphome run mia/mia.yaml"
)
def esphome(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write into.")],
    server: Annotated[
        str | None, typer.Option(help="Address of your Catflap [CATFLAP_PUBLIC_URL].", metavar="URL")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(help="PEM file with the authority of the broker's certificate, for mqtts."),
    ] = None,
) -> None:
    """Pair a device that is told over MQTT when to speak, and write mia.yaml and secrets.yaml for ESPHome.

    It shows a code, which the device's owner enters on the page. Run it again to write the files anew, as
    after a change of the broker: the device stays paired by what DIR/.catflap holds.
    """
    run(_write(folder, server, ca))


async def _write(folder: Path, server: str | None, ca: Path | None) -> None:
    """Pair if need be, write the files, and print what to do with them.

    Raises:
        BadRequest: `invalid_request`; `mqtt_off` without a broker.
        OperatorMustAct: `ca_unreadable`, `ca_missing`, `folder_unwritable`.
        TryAgain: `server_unavailable`.
    """
    address = (server or Settings.read().public_url).rstrip("/")
    if not address.startswith(("https://", "http://")):
        raise BadRequest("invalid_request", "Say where your Catflap is: --server https://…")
    authority = await asyncio.to_thread(_read_ca, ca)
    storage = Storage(folder / ".catflap")
    async with httpx2.AsyncClient(verify=tls_context(), follow_redirects=False) as http:
        token = storage.token(address) or await token_by_code(http, storage, address, "ESPHome", "mqtt_play")
        try:
            login = await DeviceApi(http, address, token).mqtt_login()
        except BadRequest as error:
            if error.code == "unpaired":
                storage.forget()
            raise
    if login["tls"] and authority is None:
        raise OperatorMustAct(
            "ca_missing", "The broker speaks TLS: name its authority's certificate with --ca FILE."
        )
    if not login["tls"]:
        authority = None
    try:
        await asyncio.to_thread(_write_files, folder, login, authority)
    except OSError as error:
        raise OperatorMustAct("folder_unwritable", f"Can't write to {folder}: {error.strerror}.") from None
    typer.echo(_instructions(folder))


def configuration_file() -> Path:
    """Return firmware/esphome/mia.yaml, of the wheel or of the checkout."""
    in_wheel = Path(str(files("catflap"))) / "firmware" / _NAME
    return in_wheel if in_wheel.exists() else Path(__file__).parents[4] / "firmware" / _NAME


def _read_ca(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError):
        text = ""
    if "BEGIN CERTIFICATE" not in text:
        raise OperatorMustAct("ca_unreadable", f"{file} has no certificate in PEM.")
    return text


def _write_files(folder: Path, login: dict[str, Any], authority: str | None) -> None:
    """Write both files; the passwords of the device itself that are there already stay."""
    configuration = configuration_file().read_text()
    values = {
        "mqtt_host": login["host"],
        "mqtt_port": login["port"],
        "mqtt_user": login["user"],
        "mqtt_password": login["password"],
        "mqtt_topics": login["topics"],
        **_own_passwords(folder / "secrets.yaml"),
    }
    if authority is not None:
        values["mqtt_ca"] = authority
        configuration = configuration.replace(_CA_LINE, _CA_LINE.replace("# ", ""))
    (folder / "mia.yaml").write_text(configuration)
    # JSON is YAML too.
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in values.items()]
    write_secret(folder / "secrets.yaml", "".join(lines))


def _own_passwords(file: Path) -> dict[str, str]:
    """Return the passwords of its Wi-Fi network and of updates over Wi-Fi."""
    known: dict[str, str] = {}
    if file.exists():
        for line in file.read_text().splitlines():
            name, _, value = line.partition(": ")
            with contextlib.suppress(ValueError):
                known[name] = str(json.loads(value))
    return {name: known.get(name) or secrets.token_urlsafe(16) for name in ("ap_password", "ota_password")}


def _instructions(folder: Path) -> str:
    return f"""\
{folder} is ready. With the board on USB:

  pip install esphome
  esphome run {folder / "mia.yaml"}

The pins are at the top of that file. Choose your Wi-Fi with a phone in the network "Mia", whose password is
`ap_password` in secrets.yaml. The broker must know the device's login: `catflap device mosquitto`
writes it for Mosquitto."""
