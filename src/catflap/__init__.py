"""Catflap: one yes to Google, and your app lets itself in to the calendar for years.

Names are loaded when they are first used, so that `import catflap` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from catflap.extras import missing_extra

if TYPE_CHECKING:
    from catflap.app import Catflap, open_catflap
    from catflap.embedding import User, current_user, include
    from catflap.errors import BadRequest, CatflapError, OperatorMustAct, Tampered, TryAgain, UserMustAct
    from catflap.settings import GOOGLE_DISCOVERY_URL, Settings
    from catflap.signin.standalone import CodeExchange, Exchanged, exchange_code
    from catflap.vault.credentials import vault_credentials

__all__ = [
    "GOOGLE_DISCOVERY_URL",
    "BadRequest",
    "Catflap",
    "CatflapError",
    "CodeExchange",
    "Exchanged",
    "OperatorMustAct",
    "Settings",
    "Tampered",
    "TryAgain",
    "User",
    "UserMustAct",
    "current_user",
    "exchange_code",
    "include",
    "open_catflap",
    "vault_credentials",
]

_HOMES = {
    "catflap.app": ("Catflap", "open_catflap"),
    "catflap.embedding": ("User", "current_user", "include"),
    "catflap.errors": (
        "BadRequest",
        "CatflapError",
        "OperatorMustAct",
        "Tampered",
        "TryAgain",
        "UserMustAct",
    ),
    "catflap.settings": ("GOOGLE_DISCOVERY_URL", "Settings"),
    "catflap.signin.standalone": ("CodeExchange", "Exchanged", "exchange_code"),
    "catflap.vault.credentials": ("vault_credentials",),
}


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562).

    Raises:
        OperatorMustAct: `extra_missing`.
    """
    for home, names in _HOMES.items():
        if name in names:
            try:
                return getattr(import_module(home), name)
            except ModuleNotFoundError as error:
                raise missing_extra(error) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
