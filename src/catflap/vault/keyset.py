"""The keys that seal tokens: a Tink keyset in a file or an environment variable, read again when it changes.

The place where a KMS would unwrap the keyset is `read_keyset`. Keys never leave this process but into the
file they came from, which has mode 0600.
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
    "`catflap keys adopt --accept-lost-grants` goes on without what only it could open."
)


class KeysetSource(Protocol):
    """Where a keyset comes from."""

    def read(self) -> str:
        """The keyset as JSON, keys in clear: a secret."""
        ...

    def stamp(self) -> object:
        """Something cheap that differs when the keyset may have changed."""
        ...


class EnvironmentKeyset:
    """A keyset handed in by the environment; it changes only with a restart."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text

    def stamp(self) -> object:
        return None


class KeysetFile:
    """A keyset in a file; making one is asked for, because a new one opens nothing that exists."""

    def __init__(self, file: Path, *, warn_to_back_up: bool = False) -> None:
        """`loud` is for production: say that the tokens are only worth as much as this file."""
        self.file = file
        self._warn_to_back_up = warn_to_back_up

    def read(self) -> str:
        """The file's content.

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
        """Whether there is a file at all."""
        return self.file.exists()

    def stamp(self) -> object:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)

    def write(self, text: str) -> None:
        """Replace the keyset, whole or not at all."""
        write_secret(self.file, text)

    def make(self) -> None:
        """Write a new keyset, unless there is one."""
        if self.exists():
            return
        fresh = self.file.with_name(f".keyset-{secrets.token_hex(4)}")
        write_secret(fresh, write_keyset(new_keyset()))
        try:
            # Of several processes that start at once, all must end up with the keys of one.
            os.link(fresh, self.file)
        except FileExistsError:
            return
        finally:
            fresh.unlink()
        if self._warn_to_back_up:
            log.warning(
                "vault_keyset_made",
                file=str(self.file),
                hint="Back this file up, apart from the database: without it every grant is lost.",
            )


class Keyset:
    """The keys of a source, kept true: looked at again when the source's stamp changes.

    When the source is gone or broken, the keys that were read last go on working, and the log says so.
    """

    def __init__(self, source: KeysetSource) -> None:
        self.source = source
        self._load()

    def primitive(self) -> aead.Aead:
        """What seals and opens with the keys as they are now."""
        if self.source.stamp() != self._stamp:
            self._load_again()
        return self._aead

    @property
    def primary(self) -> int:
        """The id of the key that seals."""
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
            log.error("keyset_not_read_again", code=error.code, message=error.message)
        else:
            log.info("keyset_read_again", keys=self._ids)

    def _load(self) -> None:
        # The stamp first: a change in between is noticed the next time.
        self._stamp = self.source.stamp()
        self._aead, self._primary, self._ids = _parsed(self.source.read())


def with_new_primary(text: str) -> str:
    """A keyset (JSON) with one fresh key more, which seals from now on."""
    keyset, fresh = json.loads(text), json.loads(write_keyset(new_keyset()))
    while fresh["primaryKeyId"] in [key["keyId"] for key in keyset["key"]]:
        fresh = json.loads(write_keyset(new_keyset()))
    return _checked({"primaryKeyId": fresh["primaryKeyId"], "key": [*keyset["key"], *fresh["key"]]})


def only_primary(text: str) -> str:
    """A keyset (JSON) without any key but the one that seals."""
    keyset = json.loads(text)
    kept = [key for key in keyset["key"] if key["keyId"] == keyset["primaryKeyId"]]
    return _checked({"primaryKeyId": keyset["primaryKeyId"], "key": kept})


def new_keyset() -> tink.KeysetHandle:
    """A keyset with one fresh key."""
    return tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)


def write_keyset(keyset: tink.KeysetHandle) -> str:
    """The keyset as JSON, keys in clear: a secret."""
    text: str = json_proto_keyset_format.serialize(keyset, secret_key_access.TOKEN)
    return text


def read_keyset(text: str) -> tink.KeysetHandle:
    """A keyset from its JSON.

    Raises:
        OperatorMustAct: `keyset_unreadable`.
    """
    try:
        return json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
    except tink.TinkError:
        raise _unreadable() from None


def load_keyset(file: Path) -> Keyset:
    """The keyset in `file`, made with mode 0600 when there is none yet."""
    source = KeysetFile(file)
    source.make()
    return Keyset(source)


def _parsed(text: str) -> tuple[aead.Aead, int, list[int]]:
    """What seals and opens, the id of the key that seals, and the ids of all that open."""
    keyset = read_keyset(text)
    try:
        primitive = keyset.primitive(aead.Aead)
    except tink.TinkError:
        raise _unreadable() from None
    found = json.loads(text)
    # Values name their key by Tink's prefix; a raw key writes none and a disabled one opens nothing.
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
