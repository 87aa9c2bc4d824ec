"""The keyset that encrypts tokens: a Tink keyset in a file or an environment variable, reloaded on change.

A KMS would unwrap the keyset in `read_keyset`. Keys leave this process only into the file they came from,
which has mode 0600.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Protocol

import tink
from tink import aead, json_proto_keyset_format, secret_key_access

from catflap.errors import OperatorMustAct
from catflap.log import log
from catflap.settings import Settings
from catflap.store.data_dir import write_secret

aead.register()

RECOVERY_HINT = (
    "Restore the keyset that belongs to this database from your backup. If it is lost for good, "
    "`catflap keys adopt --accept-lost-grants` continues without the values that only it could decrypt."
)


class KeysetSource(Protocol):
    """A place that a keyset is read from."""

    def read(self) -> str:
        """Return the keyset as JSON, keys in clear: a secret."""
        ...

    def stamp(self) -> object:
        """Return a value that is cheap to get and differs when the keyset may have changed."""
        ...


class EnvironmentKeyset:
    """A keyset in an environment variable; it changes only with a restart."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        """Return the keyset as JSON."""
        return self._text

    def stamp(self) -> object:
        """Return None: the environment of a process does not change."""
        return None


class KeysetFile:
    """A keyset in a file; a missing file is created only by `make`."""

    def __init__(self, file: Path, *, warn_to_back_up: bool = False) -> None:
        """Use `file`; `warn_to_back_up` logs a reminder when a keyset is created, for production."""
        self.file = file
        self._name = str(file)
        self._warn_to_back_up = warn_to_back_up

    def read(self) -> str:
        """Return the content of the file.

        Raises:
            OperatorMustAct: `keyset_missing`, `keyset_unreadable`.
        """
        try:
            return self.file.read_text()
        except FileNotFoundError:
            raise OperatorMustAct(
                "keyset_missing", f"The vault's keyset is missing: {self.file}. {RECOVERY_HINT}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise OperatorMustAct(
                "keyset_unreadable",
                f"The vault's keyset can't be read: {self.file}. Make it readable for this user, or restore "
                "it from your backup.",
                detail=type(error).__name__,
            ) from None

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.file.exists()

    def stamp(self) -> object:
        """Return modification time and inode, or None when there is no file."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 (asked for each token; pathlib takes twice as long)
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)

    def write(self, text: str) -> None:
        """Replace the keyset atomically."""
        write_secret(self.file, text)

    def make(self) -> None:
        """Create a keyset, unless the file exists."""
        if self.exists():
            return
        fresh = self.file.with_name(f".keyset-{secrets.token_hex(4)}")
        write_secret(fresh, write_keyset(new_keyset()))
        try:
            # Several processes that start at once must all end up with the same keyset.
            os.link(fresh, self.file)
        except FileExistsError:
            return
        finally:
            fresh.unlink()
        if self._warn_to_back_up:
            log.warning(
                "vault_keyset_created",
                file=str(self.file),
                hint="Back this file up, apart from the database: without it every grant is lost.",
            )


class Keyset:
    """The keys of a source, reloaded when its stamp changes.

    When the source is missing or malformed, the keys that were read last stay in use, and that is logged.
    """

    def __init__(self, source: KeysetSource) -> None:
        self.source = source
        self._load()

    def primitive(self) -> aead.Aead:
        """Return the AEAD primitive of the current keys."""
        if self.source.stamp() != self._stamp:
            self._load_again()
        return self._aead

    @property
    def primary(self) -> int:
        """The id of the key that encrypts."""
        self.primitive()
        return self._primary

    @property
    def ids(self) -> list[int]:
        """The ids of all keys, oldest first."""
        self.primitive()
        return list(self._ids)

    def _load_again(self) -> None:
        try:
            self._load()
        except OperatorMustAct as error:
            log.error("keyset_reload_failed", code=error.code, message=error.message)
        else:
            log.info("keyset_reloaded", keys=self._ids)

    def _load(self) -> None:
        # The stamp first: a change in between is noticed the next time.
        self._stamp = self.source.stamp()
        self._aead, self._primary, self._ids = _parsed(self.source.read())


def with_new_primary(text: str) -> str:
    """Return a keyset (JSON) with a new key added as primary."""
    keyset, fresh = json.loads(text), json.loads(write_keyset(new_keyset()))
    while fresh["primaryKeyId"] in [key["keyId"] for key in keyset["key"]]:
        fresh = json.loads(write_keyset(new_keyset()))
    return _checked({"primaryKeyId": fresh["primaryKeyId"], "key": [*keyset["key"], *fresh["key"]]})


def only_primary(text: str) -> str:
    """Return a keyset (JSON) with the primary key alone."""
    keyset = json.loads(text)
    kept = [key for key in keyset["key"] if key["keyId"] == keyset["primaryKeyId"]]
    return _checked({"primaryKeyId": keyset["primaryKeyId"], "key": kept})


def new_keyset() -> tink.KeysetHandle:
    """Return a keyset with one new key."""
    return tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)


def write_keyset(keyset: tink.KeysetHandle) -> str:
    """Return the keyset as JSON, keys in clear: a secret."""
    text: str = json_proto_keyset_format.serialize(keyset, secret_key_access.TOKEN)
    return text


def read_keyset(text: str) -> tink.KeysetHandle:
    """Parse a keyset from its JSON.

    Raises:
        OperatorMustAct: `keyset_unreadable`.
    """
    try:
        return json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
    except tink.TinkError:
        raise _unreadable() from None


def load_keyset(file: Path) -> Keyset:
    """Return the keyset in `file`, created with mode 0600 when it is missing."""
    source = KeysetFile(file)
    source.make()
    return Keyset(source)


def _parsed(text: str) -> tuple[aead.Aead, int, list[int]]:
    """Return the AEAD primitive, the id of the primary key, and the ids of all keys."""
    keyset = read_keyset(text)
    try:
        primitive = keyset.primitive(aead.Aead)
    except tink.TinkError:
        raise _unreadable() from None
    found = json.loads(text)
    # Values name their key by Tink's prefix; a raw key writes none and a disabled one does not decrypt.
    ids = [
        int(key["keyId"])
        for key in found["key"]
        if key.get("status") == "ENABLED" and key.get("outputPrefixType") == "TINK"
    ]
    if int(found["primaryKeyId"]) not in ids:
        raise _unreadable()
    return primitive, int(found["primaryKeyId"]), ids


def _unreadable() -> OperatorMustAct:
    return OperatorMustAct(
        "keyset_unreadable",
        "The vault's keyset is not a Tink keyset in JSON, for AEAD and with the prefix TINK; restore it from "
        "your backup.",
    )


def _checked(keyset: dict[str, Any]) -> str:
    text = json.dumps(keyset)
    read_keyset(text)
    return text


def keyset_source(settings: Settings) -> KeysetSource:
    """Return where the keyset of this installation is: the setting `vault_keyset`, else a file."""
    if settings.vault_keyset is not None:
        return EnvironmentKeyset(settings.vault_keyset.get_secret_value())
    file = settings.data_dir / "secrets" / "vault-keyset.json"
    return KeysetFile(file, warn_to_back_up=settings.origin.startswith("https://"))
