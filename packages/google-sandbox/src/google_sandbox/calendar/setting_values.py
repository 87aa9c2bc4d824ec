"""The values of a person's Calendar settings.

Source: the Settings reference of Calendar v3. Choice: the time zone is the primary calendar's until it is set
by itself.
"""

from __future__ import annotations

import re

from google_sandbox.models import SandboxAccount
from google_sandbox.state import SandboxState
from google_sandbox.timestamps import zone

DATE_ORDERS = {"ja": "YMD", "en": "MDY", "en_US": "MDY", "en-US": "MDY"}
BOOLEAN = re.compile("true|false")
VALUES = {
    "autoAddHangouts": BOOLEAN,
    "dateFieldOrder": re.compile("MDY|DMY|YMD"),
    "defaultEventLength": re.compile(r"[1-9][0-9]{0,3}"),
    "format24HourTime": BOOLEAN,
    "hideInvitations": BOOLEAN,
    "hideWeekends": BOOLEAN,
    "locale": re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*"),
    "remindOnRespondedEventsOnly": BOOLEAN,
    "showDeclinedEvents": BOOLEAN,
    "timezone": re.compile(r"[A-Za-z0-9_+/-]+"),
    "useKeyboardShortcuts": BOOLEAN,
    "weekStart": re.compile("[016]"),
}


def settings_of(state: SandboxState, account: SandboxAccount) -> dict[str, str]:
    """Return the values of all settings of an account."""
    state.calendar_store.list_of(account)
    return {
        "autoAddHangouts": "true",
        "dateFieldOrder": DATE_ORDERS.get(account.locale, "DMY"),
        "defaultEventLength": "60",
        "format24HourTime": "true",
        "hideInvitations": "false",
        "hideWeekends": "false",
        "locale": account.locale,
        "remindOnRespondedEventsOnly": "false",
        "showDeclinedEvents": "true",
        "timezone": state.calendar_store.calendars[account.email].time_zone,
        "useKeyboardShortcuts": "true",
        "weekStart": "0",
        **account.settings,
    }


def change_settings(state: SandboxState, account: SandboxAccount, values: dict[str, str]) -> dict[str, str]:
    """Set settings as a person does on Calendar's settings page, and return all of them.

    The time zone is also given to the primary calendar.

    Raises:
        ValueError: if there is no such setting, or it cannot have this value; nothing is changed then.
    """
    for name, value in values.items():
        if name not in VALUES:
            raise ValueError(f"there is no setting {name[:80]!r}; there are {', '.join(VALUES)}")
        if not VALUES[name].fullmatch(value):
            raise ValueError(f"the setting {name} cannot be {value[:80]!r}")
        if name == "timezone":
            zone(value)
    before = settings_of(state, account)
    account.settings.update(values)
    if "timezone" in values:
        state.calendar_store.move_to_zone(state.calendar_store.calendars[account.email], values["timezone"])
    after = settings_of(state, account)
    if after != before:
        state.channels.changed(watched_name(account))
    return after


def watched_name(account: SandboxAccount) -> str:
    """Return the name push channels know an account's settings by."""
    return f"settings:{account.sub}"
