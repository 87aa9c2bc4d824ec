"""Where refresh tokens live: sealed, in a table of their own, opened only here and only when needed."""

from catflap.vault.access import Vault
from catflap.vault.grant import Grant, GrantToken
from catflap.vault.grants import Grants
from catflap.vault.keyset import load_keyset
from catflap.vault.refreshing import AccessToken
from catflap.vault.seal import Seal

__all__ = ["AccessToken", "Grant", "GrantToken", "Grants", "Seal", "Vault", "load_keyset"]
