"""What a person does next about a sign-in that failed: one step for each error code, as data.

The sentences are in the locales: `error_CODE` says what happened, `remedy_CODE` what to do, and `step_STEP`
is the label of the one action beside them. A code without an entry here gets the general sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlencode

from catflap.web.i18n import Texts

# `again`: the same once more. `choose`: with another Google account. `redirect`: without a window of its own.
Step = Literal["again", "choose", "redirect"]

# None: nothing that the person could do on this page helps.
NEXT_STEPS: Final[Mapping[str, Step | None]] = MappingProxyType(
    {
        "access_denied": "again",
        "account_mismatch": "choose",
        "admin_policy": "choose",
        "code_rejected": "again",
        "cookies_blocked": "again",
        "database_unavailable": "again",
        "expired": None,
        "google_account_refused": "choose",
        "google_client_rejected": None,
        "google_unavailable": "again",
        "id_token_invalid": "again",
        "id_token_missing": "again",
        "invalid_request": "again",
        "iss_invalid": "again",
        "not_allowed": "choose",
        "offline": "again",
        "org_internal": "choose",
        "popup_closed": "again",
        "popup_failed_to_open": "redirect",
        "rate_limited": "again",
        "signin_by_command": None,
        "state_invalid": "again",
    }
)
_PARAMETERS: Final[Mapping[Step, Mapping[str, str]]] = MappingProxyType(
    {"again": {}, "choose": {"prompt": "select_account"}, "redirect": {}}
)


@dataclass(frozen=True, slots=True)
class SignInProblem:
    """What the page says about an error code.

    Args:
        what: what happened.
        remedy: what to do about it.
        step: the action that the page offers; None for none.
        label: the action in the reader's language; empty without one.
        query: what the action adds to the address where a sign-in begins: empty, or beginning with `&`.
    """

    what: str
    remedy: str
    step: Step | None
    label: str
    query: str


def problem_for(texts: Texts, code: str | None) -> SignInProblem | None:
    """Return what the page says about `?error=code`, None without a code; the code itself is never shown."""
    if code is None:
        return None
    known = code if code in NEXT_STEPS else "other"
    step = NEXT_STEPS.get(code, "again")
    added = urlencode(_PARAMETERS[step]) if step else ""
    return SignInProblem(
        what=texts[f"error_{known}"],
        remedy=texts[f"remedy_{known}"],
        step=step,
        label=texts[f"step_{step}"] if step else "",
        query=f"&{added}" if added else "",
    )
