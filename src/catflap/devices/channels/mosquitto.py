"""Password file, access control list and configuration for Mosquitto, so that devices are apart on a broker.

Format of passwords: `user:$7$iterations$salt$hash`, PBKDF2 with SHA-512 (mosquitto_passwd(1)).
"""

import base64
import contextlib
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catflap.devices.mqtt_login import PREFIX

PASSWORDS, ACL, CONFIGURATION = "passwords", "acl", "catflap.conf"
HOME_ASSISTANT_USER = "homeassistant"
# As mosquitto_passwd does it, because the broker computes it while it serves nobody else. Enough for a
# password of 256 random bits; one that a person chose gets more.
_ITERATIONS = 101
_ITERATIONS_OF_CHOSEN = 10_000
_SALT_BYTES = 12
# Acknowledgements wait on the broker while Catflap is away; Mosquitto would keep 1,000.
_QUEUED_MESSAGES = 100_000
_QUEUED_BYTES = 64 * 1024 * 1024
# Larger than any schedule; Mosquitto takes 256 MB.
_MESSAGE_BYTES = 512 * 1024


@dataclass(frozen=True)
class Logins:
    """All logins at a broker, user names with passwords.

    Attributes:
        server: Catflap's own user and its password.
        devices: Of each device.
        home_assistant: The password of Home Assistant; None without it.
    """

    server: tuple[str, str] = field(repr=False)
    devices: Mapping[str, str] = field(repr=False)
    home_assistant: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Listener:
    """Where Mosquitto listens; with `certificate` and `key` by TLS."""

    port: int
    certificate: Path | None = None
    key: Path | None = None


def password_file(logins: Logins, key: bytes) -> str:
    """Return the password file; the same for the same logins.

    Args:
        logins: The logins.
        key: A secret from which the salts follow, so that nothing is written when nothing changed.
    """
    users = {**logins.devices}
    if logins.home_assistant is not None:
        users[HOME_ASSISTANT_USER] = logins.home_assistant
    name, password = logins.server
    lines = [_line(name, password, key, _ITERATIONS_OF_CHOSEN)]
    lines += (_line(user, secret, key, _ITERATIONS) for user, secret in users.items())
    return "".join(lines)


def _line(user: str, password: str, key: bytes, iterations: int) -> str:
    about = f"salt\0{user}\0{password}".encode()
    salt = hmac.new(key, about, hashlib.sha256).digest()[:_SALT_BYTES]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    parts = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{user}:$7${iterations}${'$'.join(parts)}\n"


def access_control_list(logins: Logins) -> str:
    """Return the access control list: each device has its own topics, Catflap and Home Assistant theirs."""
    blocks = [
        [f"user {logins.server[0]}", f"topic readwrite {PREFIX}/#", "topic readwrite homeassistant/#"],
        [
            "# Each device reads its own topics, and writes two of them.",
            f"pattern read {PREFIX}/%u/#",
            f"pattern write {PREFIX}/%u/ack",
            f"pattern write {PREFIX}/%u/state",
        ],
    ]
    if logins.home_assistant is not None:
        home_assistant = [
            f"user {HOME_ASSISTANT_USER}",
            "topic readwrite homeassistant/#",
            f"topic read {PREFIX}/server",
            f"topic read {PREFIX}/+/ha/+",
            f"topic write {PREFIX}/+/ha/+/set",
        ]
        blocks.insert(1, home_assistant)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def configuration(folder: Path, listener: Listener) -> str:
    """Return the part of mosquitto.conf that uses the files in `folder`."""
    lines = [
        "# Written by `catflap device mosquitto`; Mosquitto 2.0 or newer. In mosquitto.conf:",
        f"#   include_dir {folder}",
        f"listener {listener.port}",
        "allow_anonymous false",
        f"password_file {folder / PASSWORDS}",
        f"acl_file {folder / ACL}",
        "# Nobody gets the session of another user, whatever client id they send.",
        "use_username_as_clientid true",
        "# Acknowledgements wait for Catflap.",
        f"max_queued_messages {_QUEUED_MESSAGES}",
        f"max_queued_bytes {_QUEUED_BYTES}",
        "# No device fills the memory of the broker.",
        f"message_size_limit {_MESSAGE_BYTES}",
    ]
    if listener.certificate is not None and listener.key is not None:
        lines += [f"certfile {listener.certificate}", f"keyfile {listener.key}"]
    return "\n".join(lines) + "\n"


def write_files(folder: Path, files: Iterable[tuple[str, str]]) -> list[str]:
    """Write those files of a folder whose content changed; return their names.

    Each is replaced at once, readable by its owner and group; it keeps the group that it had, because a
    broker that has dropped its rights reads it again.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    written = []
    for name, content in files:
        file = folder / name
        before = file.stat() if file.exists() else None
        if before is not None and file.read_text() == content:
            continue
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as handle:
            handle.write(content)
        # Only root may give a file away; another owner's broker reads it by its group.
        with contextlib.suppress(OSError):
            os.chown(fresh, *((before.st_uid, before.st_gid) if before else (-1, folder.stat().st_gid)))
        fresh.rename(file)
        written.append(name)
    return written
