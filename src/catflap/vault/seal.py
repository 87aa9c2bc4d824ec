"""Seal tokens at rest with Tink's AEAD (AES-256-GCM), bound to the row, user and field they belong to.

A value copied to another row, user or field does not open. Each sealed value names its key, so that no key
is ever tried in vain and keys can be replaced while tokens are served.
"""

from dataclasses import dataclass

import tink

from catflap.errors import Tampered
from catflap.vault.keyset import Keyset


@dataclass(frozen=True)
class Place:
    """Where a sealed value lives: the associated data that it is bound to."""

    row_id: int
    user_id: int
    field: str
    table: str = "google_tokens"

    def associated_data(self) -> bytes:
        """Unambiguous because numbers hold no colon."""
        return f"catflap:1:vault.{self.table}:{self.row_id}:{self.user_id}:{self.field}".encode()


class Seal:
    """Closes and opens values; only `catflap.vault` holds one."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset

    def close(self, value: str, place: Place) -> bytes:
        """`value`, sealed for `place`."""
        sealed: bytes = self.keyset.primitive().encrypt(value.encode(), place.associated_data())
        return sealed

    def open(self, sealed: bytes, place: Place) -> str:
        """What was sealed for `place`.

        Raises:
            Tampered: `seal_broken`: another place's value, a changed one, or a key we do not have.
        """
        try:
            opened: bytes = self.keyset.primitive().decrypt(sealed, place.associated_data())
        except tink.TinkError:
            raise Tampered(
                "seal_broken",
                "A stored token can't be opened. Was the vault's keyset replaced, or the database restored "
                "from elsewhere? Put the keyset that belongs to this database back.",
                detail=f"row {place.row_id}, {place.field}, key {key_id(sealed)}",
            ) from None
        return opened.decode()


def key_id(sealed: bytes) -> int:
    """The id of the key that sealed a value (Tink's wire format: one byte of version, four of key id)."""
    return int.from_bytes(sealed[1:5], "big")


def key_prefix(key: int) -> bytes:
    """How every value sealed with a key begins."""
    return b"\x01" + key.to_bytes(4, "big")
