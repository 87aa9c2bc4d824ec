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
class AssociatedData:
    """Where a sealed value lives: the associated data that it is bound to."""

    row_id: int
    user_id: int
    field: str
    table: str = "google_tokens"

    def to_bytes(self) -> bytes:
        """Unambiguous because numbers hold no colon."""
        return f"catflap:1:vault.{self.table}:{self.row_id}:{self.user_id}:{self.field}".encode()


class TokenCipher:
    """Closes and opens values; only `catflap.vault` holds one."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        self._logged: set[int] = set()

    def encrypt(self, value: str, associated_data: AssociatedData) -> bytes:
        """`value`, sealed for `place`."""
        sealed: bytes = self.keyset.primitive().encrypt(value.encode(), associated_data.to_bytes())
        return sealed

    def decrypt(self, sealed: bytes, associated_data: AssociatedData) -> str:
        """What was sealed for `place`.

        Raises:
            OperatorMustAct: `keyset_lacks_key`: another process or another time sealed it.
            Tampered: `seal_broken`: another place's value, or a changed one.
        """
        try:
            opened: bytes = self.keyset.primitive().decrypt(sealed, associated_data.to_bytes())
        except tink.TinkError:
            key = key_id(sealed)
            detail = (
                f"{associated_data.table} row {associated_data.row_id}, {associated_data.field}, key {key}"
            )
            if key not in self.keyset.ids:
                self.log_missing_keys({key})
                raise keyset_lacks_key(detail) from None
            raise Tampered(
                "seal_broken",
                "A stored value does not open: it was changed, or moved from another row.",
                detail=detail,
            ) from None
        return opened.decode()

    def log_missing_keys(self, keys: set[int]) -> None:
        """Say in the log that the keyset lacks keys, once for each."""
        if new := keys - self._logged:
            self._logged |= new
            log.error("keyset_lacks_key", keys=sorted(new), hint=_HINT)

    def log_keys_complete(self) -> None:
        """Say in the log that the keyset has every key again, if it lacked any."""
        if self._logged:
            log.info("keyset_complete_again", keys=sorted(self._logged))
            self._logged = set()


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
