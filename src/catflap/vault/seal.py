"""Seal tokens at rest with Tink's AEAD (AES-256-GCM), bound to the row, user and field they belong to.

A value copied to another row, user or field does not open. Each sealed value names its key, so that keys can
be rotated; the place where a KMS would wrap the keyset is `load_keyset`.
"""

from dataclasses import dataclass
from pathlib import Path

import tink
from tink import aead, json_proto_keyset_format, secret_key_access

from catflap.errors import OperatorMustAct, Tampered
from catflap.store.embedded import write_secret

aead.register()


@dataclass(frozen=True)
class Place:
    """Where a sealed value lives: the associated data that it is bound to."""

    row_id: int
    user_id: int
    field: str

    def associated_data(self) -> bytes:
        """Unambiguous because numbers hold no colon."""
        return f"catflap:1:vault.google_tokens:{self.row_id}:{self.user_id}:{self.field}".encode()


class Seal:
    """Closes and opens values; only `catflap.vault` holds one."""

    def __init__(self, keyset: tink.KeysetHandle) -> None:
        self._aead = keyset.primitive(aead.Aead)

    def close(self, value: str, place: Place) -> bytes:
        """`value`, sealed for `place`."""
        sealed: bytes = self._aead.encrypt(value.encode(), place.associated_data())
        return sealed

    def open(self, sealed: bytes, place: Place) -> str:
        """What was sealed for `place`.

        Raises:
            Tampered: `seal_broken`: another place's value, a changed one, or a key we do not have.
        """
        try:
            opened: bytes = self._aead.decrypt(sealed, place.associated_data())
        except tink.TinkError:
            raise Tampered(
                "seal_broken",
                "A stored token can't be opened. Was the vault's keyset replaced, or the database restored "
                "from elsewhere? Put the keyset that belongs to this database back.",
                detail=f"row {place.row_id}, {place.field}",
            ) from None
        return opened.decode()


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


def load_keyset(file: Path) -> tink.KeysetHandle:
    """The keyset in `file`, made with mode 0600 when there is none yet."""
    if not file.exists():
        write_secret(file, write_keyset(new_keyset()))
    return read_keyset(file.read_text())
