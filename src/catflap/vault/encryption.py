"""Seal tokens at rest with Tink's AEAD (AES-256-GCM), bound to the row, user and field they belong to.

A value copied to another row, user or field does not open. Each sealed value names its key, so that no key
is ever tried in vain and keys can be replaced while tokens are served.
"""

from dataclasses import dataclass

import tink

from catflap.errors import OperatorMustAct, Tampered
from catflap.log import log
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


class TokenCipher:
    """Closes and opens values; only `catflap.vault` holds one."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        self._told: set[int] = set()

    def close(self, value: str, place: Place) -> bytes:
        """`value`, sealed for `place`."""
        sealed: bytes = self.keyset.primitive().encrypt(value.encode(), place.associated_data())
        return sealed

    def open(self, sealed: bytes, place: Place) -> str:
        """What was sealed for `place`.

        Raises:
            OperatorMustAct: `keyset_lacks_key`: another process or another time sealed it.
            Tampered: `seal_broken`: another place's value, or a changed one.
        """
        try:
            opened: bytes = self.keyset.primitive().decrypt(sealed, place.associated_data())
        except tink.TinkError:
            key = key_id(sealed)
            detail = f"{place.table} row {place.row_id}, {place.field}, key {key}"
            if key not in self.keyset.ids:
                self.tell_missing({key})
                raise keyset_lacks_key(detail) from None
            raise Tampered(
                "seal_broken",
                "A stored value does not open: it was changed, or moved from another row.",
                detail=detail,
            ) from None
        return opened.decode()

    def tell_missing(self, keys: set[int]) -> None:
        """Say in the log that the keyset lacks keys, once for each."""
        if new := keys - self._told:
            self._told |= new
            log.error("keyset_lacks_key", keys=sorted(new), hint=_HINT)

    def tell_complete(self) -> None:
        """Say in the log that the keyset has every key again, if it lacked any."""
        if self._told:
            log.info("keyset_complete_again", keys=sorted(self._told))
            self._told = set()


_HINT = (
    "The database holds values sealed with a key that this process's keyset lacks. Give every process that "
    "uses this database the same keyset; `catflap keys list` shows which keys are used."
)


def keyset_lacks_key(detail: str) -> OperatorMustAct:
    """What callers hear when only the operator can make a value readable; the log has it already."""
    return OperatorMustAct(
        "keyset_lacks_key",
        "This server lacks the key that a stored value is sealed with; whoever runs it must restore the "
        "vault's keyset.",
        detail=detail,
        logged=True,
    )


def key_id(sealed: bytes) -> int:
    """The id of the key that sealed a value (Tink's wire format: one byte of version, four of key id)."""
    return int.from_bytes(sealed[1:5], "big")


def key_prefix(key: int) -> bytes:
    """How every value sealed with a key begins."""
    return b"\x01" + key.to_bytes(4, "big")
