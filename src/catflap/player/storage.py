"""What a device keeps in its folder: its token, the schedule, sounds, and acknowledgements to be sent.

So that it speaks on after a restart while the server is away, says nothing twice, and loses no report.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from catflap.clock import rfc3339
from catflap.errors import OperatorMustAct
from catflap.log import log
from catflap.player.documents import checked_document
from catflap.store.data_dir import write_secret

# Acknowledged announcements that are remembered; a schedule has fewer.
_MOST_DONE = 2_000
_MOST_SOUND_BYTES = 256 * 1024 * 1024


class Storage:
    """Files of one device.

    Args:
        folder: Where; made if it is not there, readable by its owner only.

    Raises:
        OperatorMustAct: `folder_unwritable`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sounds = folder / "sounds"
        with _writable(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sounds.mkdir(exist_ok=True, mode=0o700)
        self._acks: list[dict[str, str]] = _list(self._read("acks.json"))
        self._done: list[str] = _list(self._read("done.json"))

    def token(self, origin: str) -> str | None:
        """Return the token of the device at this server; None if it is paired with none or another."""
        identity = self._read("device.json")
        matches = isinstance(identity, dict) and identity.get("server") == origin
        return str(identity["token"]) if matches and identity.get("token") else None

    def new_token(self) -> str:
        """Return a token for a pairing; it is kept by `keep_token` once it is claimed."""
        return secrets.token_urlsafe(32)

    def keep_token(self, origin: str, token: str) -> None:
        """Store the token of a claimed device."""
        with _writable(self._folder):
            self._store("device.json", {"server": origin, "token": token})

    def forget(self) -> None:
        """Remove the token, and everything that belongs to whose device it was."""
        for name in ("device.json", "schedule.json", "acks.json", "done.json"):
            (self._folder / name).unlink(missing_ok=True)
        self._acks, self._done = [], []
        self.keep_sounds(())

    def schedule(self) -> dict[str, Any] | None:
        """Return the last schedule document."""
        return checked_document(self._read("schedule.json"))

    def keep_schedule(self, document: dict[str, Any]) -> None:
        """Store a schedule document."""
        self._write("schedule.json", document)

    def sound(self, sha256: str) -> bytes | None:
        """Return a sound with this hash, if it is there and whole."""
        try:
            content = (self._sounds / _name(sha256)).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def keep_sound(self, sha256: str, content: bytes) -> bool:
        """Store a sound; return whether it is what its hash says, and there is room for it."""
        if hashlib.sha256(content).hexdigest() != sha256:
            return False
        file = self._sounds / _name(sha256)
        fresh = file.with_suffix(".new")
        try:
            fresh.write_bytes(content)
            fresh.rename(file)
        except OSError:
            fresh.unlink(missing_ok=True)
            return False
        return True

    def room_for_sounds(self) -> int:
        """Return how many bytes of sounds may still be stored."""
        return _MOST_SOUND_BYTES - sum(file.stat().st_size for file in self._sounds.glob("*"))

    def keep_sounds(self, hashes: Collection[str]) -> None:
        """Remove all sounds but these."""
        wanted = {_name(sha256) for sha256 in hashes}
        for file in self._sounds.glob("*"):
            if file.name not in wanted:
                file.unlink(missing_ok=True)

    def is_done(self, announcement_id: str) -> bool:
        """Return whether this announcement was begun or acknowledged, so that it is never said again."""
        return announcement_id in self._done

    def begin(self, announcement_id: str) -> None:
        """Remember an announcement before its first sample is played: a power cut does not repeat it."""
        self._done = [*self._done[-_MOST_DONE:], announcement_id]
        self._write("done.json", self._done)

    def add_ack(self, announcement_id: str, state: str, at: datetime, detail: str = "") -> None:
        """Add an acknowledgement to those to be sent."""
        ack = {"announcement": announcement_id, "state": state, "at": rfc3339(at)}
        self._acks.append({**ack, "detail": detail} if detail else ack)
        self._write("acks.json", self._acks)

    def next_ack(self) -> dict[str, str] | None:
        """Return the oldest acknowledgement to be sent."""
        return self._acks[0] if self._acks else None

    def remove_ack(self, ack: dict[str, str]) -> None:
        """Remove an acknowledgement that was sent."""
        self._acks.remove(ack)
        self._write("acks.json", self._acks)

    def _read(self, name: str) -> Any:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            return json.loads((self._folder / name).read_bytes())
        return None

    def _write(self, name: str, content: Any) -> None:
        """Store what is in memory too: a disk that is full does not end the speaking."""
        try:
            self._store(name, content)
        except OSError as error:
            hint = f"What the device knows is lost with its process ({error.strerror}): make room there."
            log.warning("folder_unwritable", folder=str(self._folder), hint=hint)

    def _store(self, name: str, content: Any) -> None:
        write_secret(self._folder / name, json.dumps(content, ensure_ascii=False))


def _list(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _name(sha256: str) -> str:
    """Return a name of a file for what a server calls a hash, which may be anything."""
    return hashlib.sha256(sha256.encode()).hexdigest()


@contextlib.contextmanager
def _writable(folder: Path) -> Any:
    try:
        yield
    except OSError as error:
        raise OperatorMustAct(
            "folder_unwritable",
            f"Can't write to {folder} ({error.strerror}). Choose another with --folder, or make room.",
        ) from None
