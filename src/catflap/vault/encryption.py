"""Encrypt tokens at rest with Tink's AEAD (AES-256-GCM), with row, user and field as associated data.

A value copied to another row, user or field does not decrypt. Each ciphertext starts with the id of its
key, so there is no trial decryption and keys can be rotated while tokens are served.
"""

from dataclasses import dataclass

import tink

from catflap.errors import OperatorMustAct, Tampered
from catflap.log import log
from catflap.vault.keyset import Keyset


@dataclass(frozen=True)
class AssociatedData:
    """Associated data of an encrypted value: the row, user and field that it belongs to."""

    row_id: int
    user_id: int
    field: str
    table: str = "google_tokens"

    def to_bytes(self) -> bytes:
        """Return the bytes to authenticate; unambiguous, because numbers hold no colon."""
        return f"catflap:1:vault.{self.table}:{self.row_id}:{self.user_id}:{self.field}".encode()


class TokenCipher:
    """Encrypts and decrypts values; used only in `catflap.vault`."""

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        self._logged: set[int] = set()

    def encrypt(self, value: str, associated_data: AssociatedData) -> bytes:
        """Encrypt `value` with the primary key."""
        sealed: bytes = self.keyset.primitive().encrypt(value.encode(), associated_data.to_bytes())
        return sealed

    def decrypt(self, sealed: bytes, associated_data: AssociatedData) -> str:
        """Decrypt a value.

        Raises:
            OperatorMustAct: `keyset_lacks_key`: it was encrypted with a key that this keyset does not have.
            Tampered: `seal_broken`: the value was changed, or belongs to another row, user or field.
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
                "A stored value does not decrypt: it was changed, or copied from another row.",
                detail=detail,
            ) from None
        return opened.decode()

    def log_missing_keys(self, keys: set[int]) -> None:
        """Log that the keyset lacks keys, once for each key."""
        if new := keys - self._logged:
            self._logged |= new
            log.error("keyset_lacks_key", keys=sorted(new), hint=_HINT)

    def log_keys_complete(self) -> None:
        """Log that the keyset has all keys again, if it lacked any."""
        if self._logged:
            log.info("keyset_completed", keys=sorted(self._logged))
            self._logged = set()


_HINT = (
    "The database holds values encrypted with a key that this process's keyset lacks. Give every process "
    "that uses this database the same keyset; `catflap keys list` shows which keys are used."
)


def keyset_lacks_key(detail: str) -> OperatorMustAct:
    """Build the error for a value whose key the operator must restore; it is logged already."""
    return OperatorMustAct(
        "keyset_lacks_key",
        "This server lacks the key that a stored value is encrypted with; its operator must restore the "
        "vault's keyset.",
        detail=detail,
        logged=True,
    )


def key_id(sealed: bytes) -> int:
    """Return the key id of an encrypted value (Tink's wire format: one byte of version, four of key id)."""
    return int.from_bytes(sealed[1:5], "big")


def key_prefix(key: int) -> bytes:
    """Return the first bytes of every value encrypted with a key."""
    return b"\x01" + key.to_bytes(4, "big")
