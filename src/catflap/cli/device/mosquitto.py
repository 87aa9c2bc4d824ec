"""`catflap device mosquitto`: passwords and rights of all devices at a Mosquitto of your own."""

import asyncio
import os
import re
import secrets
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.cli.runner import command, run
from catflap.devices.channels.mosquitto import HOME_ASSISTANT_USER, Listener
from catflap.devices.channels.mosquitto_files import MosquittoFiles, home_assistant_password
from catflap.devices.mqtt_login import MQTT_KEY
from catflap.devices.signed_urls import signing_key
from catflap.errors import OperatorMustAct, TryAgain
from catflap.log import configure
from catflap.mqtt_settings import BrokerAddress
from catflap.settings import Settings
from catflap.store.connect import open_existing_database
from catflap.store.database import connect
from catflap.store.notify import NotificationListener
from catflap.store.task_types import SCHEDULE_TOPIC

cli = command()
_RETRY_SECONDS = 2.0
# Not that of a device, which would get the rights of Catflap, and nothing that ends a line of the files.
_USER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# Within so long after the first change, all others go into the same file.
_GATHER_SECONDS = 0.5


@cli.command(
    epilog="Examples:  catflap device mosquitto /etc/mosquitto/catflap   |   "
    "catflap device mosquitto ./broker --home-assistant --watch --pid-file /run/mosquitto/mosquitto.pid"
)
def mosquitto(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it does not exist.", metavar="DIR")],
    home_assistant: Annotated[
        bool, typer.Option("--home-assistant", help="A login for Home Assistant too; it is printed.")
    ] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="The broker's certificate (PEM), for mqtts.", metavar="FILE")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its key (PEM).", metavar="FILE")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and write again when a device comes or goes.")
    ] = False,
    pid_file: Annotated[
        Path | None,
        typer.Option(help="Mosquitto's process gets SIGHUP after each change.", metavar="FILE"),
    ] = None,
) -> None:
    """Write passwords, access control list and configuration for Mosquitto 2.

    Each device can read its own topics and write its acknowledgements and state; Catflap has the login in
    CATFLAP_MQTT_URL. Passwords are the ones that devices get from Catflap, so nothing has to be typed. Reads
    the database of this installation, also while `catflap serve` runs.
    """

    async def work() -> None:
        settings = Settings.read()
        configure(settings.log_format, settings.log_level)
        broker = _checked(settings, certificate, key)
        seen = settings.mqtt_broker_of_devices or broker
        place = folder.resolve()
        listener = Listener(seen.port, *(file and file.resolve() for file in (certificate, key)))
        async with AsyncExitStack() as stack:
            urls = await open_existing_database(settings, stack)
            engine = connect(urls.app)
            stack.push_async_callback(engine.dispose)
            files = MosquittoFiles(engine, place, broker, listener, home_assistant=home_assistant)
            await _write(files, pid_file)
            await _explain(place, engine, home_assistant=home_assistant, watch=watch)
            if watch:
                notifications = await stack.enter_async_context(NotificationListener(urls.app))
                await _watch(files, notifications, pid_file)

    run(work())


def _checked(settings: Settings, certificate: Path | None, key: Path | None) -> BrokerAddress:
    """Return the broker with our login.

    Raises:
        OperatorMustAct: `mqtt_login_missing`, `mqtt_certificate_missing`.
    """
    broker = settings.mqtt_broker
    if broker is None or not broker.user or not broker.password:
        made = secrets.token_urlsafe(24)
        raise OperatorMustAct(
            "mqtt_login_missing",
            "CATFLAP_MQTT_URL must have the user name and password that Catflap shall have, for example (a "
            f"password made just now) CATFLAP_MQTT_URL=mqtt://catflap:{made}@localhost:1883",
        )
    if not _USER.fullmatch(broker.user) or broker.user == HOME_ASSISTANT_USER:
        raise OperatorMustAct(
            "mqtt_login_missing",
            "The user name in CATFLAP_MQTT_URL must be of letters, digits, - and _, begin with a letter, and "
            f"be other than {HOME_ASSISTANT_USER}: devices have numbers as theirs.",
        )
    seen = settings.mqtt_broker_of_devices
    needs_tls = broker.tls or (seen is not None and seen.tls)
    if (certificate is None) != (key is None) or (needs_tls and certificate is None):
        raise OperatorMustAct(
            "mqtt_certificate_missing", "For mqtts give both --certificate and --key of the broker."
        )
    return broker


async def _write(files: MosquittoFiles, pid_file: Path | None) -> None:
    written, devices = await files.write()
    names = ", ".join(written) or "nothing, all is up to date"
    typer.echo(f"{_count(devices)}; written: {names}.", err=True)
    if written and pid_file is not None:
        typer.echo(_reload(pid_file), err=True)


async def _explain(folder: Path, engine: AsyncEngine, *, home_assistant: bool, watch: bool) -> None:
    if home_assistant:
        password = home_assistant_password(await signing_key(engine, MQTT_KEY))
        typer.echo(f"Home Assistant: user {HOME_ASSISTANT_USER}, password {password}")
    steps = [
        "Next:",
        f"  1. Let Mosquitto read them:  chgrp -R mosquitto {folder} && chmod g+rx {folder}",
        f"  2. In /etc/mosquitto/mosquitto.conf:  include_dir {folder}",
        "     and take away any other listener, password_file and acl_file there",
        "  3. Restart it:  systemctl restart mosquitto",
    ]
    if not watch:
        steps.append("Devices that are paired later get in when you run this again, or with --watch.")
    typer.echo("\n".join(steps), err=True)


async def _watch(files: MosquittoFiles, notifications: NotificationListener, pid_file: Path | None) -> None:
    typer.echo("Watching; Ctrl-C ends it.", err=True)
    with notifications.watch_prefix(SCHEDULE_TOPIC) as changes:
        while True:
            await changes.event.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            changes.take()
            try:
                written, devices = await files.write()
            except TryAgain as error:
                typer.echo(f"{error.message} Trying again.", err=True)
                await asyncio.sleep(_RETRY_SECONDS)
                changes.add_all()
                continue
            if written:
                told = f" {_reload(pid_file)}" if pid_file is not None else ""
                typer.echo(f"{_count(devices)}; written: {', '.join(written)}.{told}", err=True)


def _count(devices: int) -> str:
    return f"{devices:,} device{'' if devices == 1 else 's'} on the broker"


def _reload(pid_file: Path) -> str:
    """Have Mosquitto read its files again; return what came of it."""
    try:
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
    except (OSError, ValueError):
        return f"No running Mosquitto in {pid_file}; it reads them when it starts."
    return "Mosquitto reads them again."
