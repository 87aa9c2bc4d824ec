"""Names and keys of the background tasks, and topics of notifications about changed rows.

Both sides of the queue use the task type, so that neither writes nor splits the text of a key.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

_K = TypeVar("_K")


@dataclass(frozen=True)
class TaskType(Generic[_K]):
    """One kind of background task.

    Args:
        name: Its name in the queue; a queue outlives a release, so a name is never reused.
        to_text: The text of a key.
        from_text: The key of a text.
    """

    name: str
    to_text: Callable[[_K], str]
    from_text: Callable[[str], _K]


class AccountKey(NamedTuple):
    """One Google account of one user."""

    user_id: int
    account_sub: str

    @property
    def text(self) -> str:
        """The key as text, for the queue."""
        return f"{self.user_id} {self.account_sub}"

    @classmethod
    def read(cls, text: str) -> "AccountKey":
        """Parse the text of a key."""
        user_id, _, account_sub = text.partition(" ")
        return cls(int(user_id), account_sub)


class SampleKey(NamedTuple):
    """A sound of a dialect's example.

    Args:
        sound_key: Its content key.
        dialect: Id of the phrasebook.
        pitch: As chosen, as are the engines.
        engine_ja: Id, or None for the best.
        engine_en: The same for all but Japanese.
        talkativeness: For the example with so many words; None for the dialect's own.
    """

    sound_key: str
    dialect: str
    pitch: int
    engine_ja: str | None
    engine_en: str | None
    talkativeness: str | None

    @property
    def text(self) -> str:
        """The key as text, for the queue."""
        return json.dumps(self)

    @classmethod
    def read(cls, text: str) -> "SampleKey":
        """Parse the text of a key."""
        return cls(*json.loads(text))


SYNC: Final = TaskType("sync", lambda key: key.text, AccountKey.read)
"""Read all calendars of an account."""
SYNC_DUE: Final = TaskType("sync_due", lambda key: key.text, AccountKey.read)
"""Read the calendars of an account that are due, or about which a push notification has come."""
ERASE: Final = TaskType("erase", lambda key: key.text, AccountKey.read)
"""Erase the calendars of an account whose grant has ended."""
PLAN: Final[TaskType[int]] = TaskType("plan", str, int)
"""Plan the announcements of a user (id)."""
RENDER: Final[TaskType[str]] = TaskType("render", str, str)
"""Synthesise a sound (content key)."""
SAMPLE: Final = TaskType("sample", lambda key: key.text, SampleKey.read)
"""Synthesise an example, for somebody who waits for it."""
WEBHOOK: Final[TaskType[str]] = TaskType("webhook", str, str)
"""Deliver a webhook message (delivery id)."""
CALENDAR_CHANGED: Final[TaskType[int]] = TaskType("calendar_changed", str, int)
"""Make webhook messages of a calendar's change (id)."""
REVOKE: Final[TaskType[int]] = TaskType("revoke", str, int)
"""Finish a revocation at Google (grant id)."""
SECURITY_EVENT: Final[TaskType[str]] = TaskType("risc", str, str)
"""Act on stored security events (`jti`)."""

API_KEYS_TOPIC: Final = "api_keys"
WEBHOOKS_TOPIC: Final = "webhooks"


GRANT_TOPIC = "grant:"


def grant_topic(token_id: int) -> str:
    """Return the notification topic of a row of `vault.google_tokens`."""
    return f"{GRANT_TOPIC}{token_id}"


SCHEDULE_TOPIC: Final = "device:"


def schedule_topic(device_id: int) -> str:
    """Return the notification topic of a device's schedule."""
    return f"{SCHEDULE_TOPIC}{device_id}"


def device_of(topic: str) -> int:
    """Return the device of a topic of `schedule_topic`."""
    return int(topic.removeprefix(SCHEDULE_TOPIC))


ACK_TOPIC: Final = "ack:"


def ack_topic(device_id: int, announcement_id: str) -> str:
    """Return the notification topic of an acknowledgement."""
    return f"{ACK_TOPIC}{device_id}:{announcement_id}"


def announcement_of(topic: str) -> tuple[int, str]:
    """Return device and announcement of a topic of `ack_topic`."""
    device_id, _, announcement_id = topic.removeprefix(ACK_TOPIC).partition(":")
    return int(device_id), announcement_id


SAMPLE_TOPIC: Final = "sample:"


def sample_topic(sound_key: str, outcome: str = "") -> str:
    """Return the notification topic of a sound of an example, or without an outcome its beginning.

    The outcome is empty for a sound that is there, else the code of an error.
    """
    return f"{SAMPLE_TOPIC}{sound_key}:{outcome}"


def outcome_of(topic: str) -> str:
    """Return the outcome in a topic of `sample_topic`."""
    return topic.removeprefix(SAMPLE_TOPIC).partition(":")[2]
