"""Catflap: lasting access to a person's Google account from one consent, for your app.

The names of `__all__` are public, as are `catflap.fastapi` and `catflap.testing`. Everything else may change
without notice. Names are loaded when they are first used, so that `import catflap` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from catflap.extras import missing_extra

if TYPE_CHECKING:
    from catflap.calendars import Event as Event
    from catflap.calendars import EventFields as EventFields
    from catflap.calendars import EventWriter as EventWriter
    from catflap.calendars import Reminder as Reminder
    from catflap.errors import BadRequest as BadRequest
    from catflap.errors import CatflapError as CatflapError
    from catflap.errors import OperatorMustAct as OperatorMustAct
    from catflap.errors import Tampered as Tampered
    from catflap.errors import TryAgain as TryAgain
    from catflap.errors import UserMustAct as UserMustAct
    from catflap.fastapi import Catflap as Catflap
    from catflap.fastapi import CurrentUser as CurrentUser
    from catflap.fastapi import OptionalUser as OptionalUser
    from catflap.fastapi import User as User
    from catflap.fastapi import current_user as current_user
    from catflap.fastapi import optional_user as optional_user
    from catflap.settings import GOOGLE_DISCOVERY_URL as GOOGLE_DISCOVERY_URL
    from catflap.settings import Settings as Settings
    from catflap.signin import Account as Account
    from catflap.signin.standalone import CodeExchange as CodeExchange
    from catflap.signin.standalone import Exchanged as Exchanged
    from catflap.signin.standalone import exchange_code as exchange_code
    from catflap.vault.credentials import vault_credentials as vault_credentials

# The imports above are for type checkers, which can't follow this table.
_PUBLIC = {
    "catflap.calendars": "Event EventFields EventWriter Reminder",
    "catflap.errors": "BadRequest CatflapError OperatorMustAct Tampered TryAgain UserMustAct",
    "catflap.fastapi": "Catflap CurrentUser OptionalUser User current_user optional_user",
    "catflap.settings": "GOOGLE_DISCOVERY_URL Settings",
    "catflap.signin": "Account",
    "catflap.signin.standalone": "CodeExchange Exchanged exchange_code",
    "catflap.vault.credentials": "vault_credentials",
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562).

    Raises:
        OperatorMustAct: `extra_missing`.
    """
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_MODULE_OF[name]), name)
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
