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
from catflap.store.embedded import write_secret

aead.register()


class Source(Protocol):
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
    """A keyset in a file, made at first need."""

    def __init__(self, file: Path, *, loud: bool = False) -> None:
        """`loud` is for production: say that the tokens are only worth as much as this file."""
        self.file = file
        self._loud = loud

    def read(self) -> str:
        if not self.file.exists():
            self._make()
        return self.file.read_text()

    def stamp(self) -> object:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)

    def write(self, text: str) -> None:
        """Replace the keyset, whole or not at all."""
        write_secret(self.file, text)

    def _make(self) -> None:
        fresh = self.file.with_name(f".keyset-{secrets.token_hex(4)}")
        write_secret(fresh, write_keyset(new_keyset()))
        try:
            # Of several processes that start at once, all must end up with the keys of one.
            os.link(fresh, self.file)
        except FileExistsError:
            return
        finally:
            fresh.unlink()
        if self._loud:
            log.warning(
                "vault_keyset_made",
                file=str(self.file),
                hint="Back this file up, apart from the database: without it every grant is lost.",
            )


class Keyset:
    """The keys of a source, kept true: looked at again when the source's stamp changes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._load()

    def primitive(self) -> aead.Aead:
        """What seals and opens with the keys as they are now."""
        if self.source.stamp() != self._stamp:
            self._load()
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

    def _load(self) -> None:
        # The stamp first: a change in between is noticed the next time.
        self._stamp = self.source.stamp()
        text = self.source.read()
        if self._stamp is None:
            self._stamp = self.source.stamp()
        self._aead = read_keyset(text).primitive(aead.Aead)
        parsed = json.loads(text)
        self._primary = int(parsed["primaryKeyId"])
        self._ids = [int(key["keyId"]) for key in parsed["key"]]


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
        raise OperatorMustAct(
            "keyset_unreadable",
            "The vault's keyset is not a Tink keyset in JSON; restore it from your backup.",
        ) from None


def load_keyset(file: Path) -> Keyset:
    """The keyset in `file`, made with mode 0600 when there is none yet."""
    return Keyset(KeysetFile(file))


def _checked(keyset: dict[str, Any]) -> str:
    text = json.dumps(keyset)
    read_keyset(text)
    return text
