"""The vault: store refresh tokens encrypted, in a schema of its own, and decrypt them only here."""

from catflap.vault.access import Vault
from catflap.vault.encryption import TokenCipher
from catflap.vault.grant import Grant, GrantToken
from catflap.vault.grants import Grants
from catflap.vault.keyset import load_keyset
from catflap.vault.token_refresh import AccessToken

__all__ = ["AccessToken", "Grant", "GrantToken", "Grants", "TokenCipher", "Vault", "load_keyset"]
