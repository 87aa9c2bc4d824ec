"""What the privacy page says: what is stored and for how long, and what leaves the server.

Spans of time come from the constants by which rows are deleted, and what leaves from the settings of this
installation, so the page can't say anything else than what happens. The sentences are in `locales/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from catflap.announcements.facts import FACTS_KEPT
from catflap.announcements.repository import KEPT as ANNOUNCEMENTS_KEPT
from catflap.calendars.store import KEEP_PAST
from catflap.devices.pairing import LIFETIME as PAIRING_LIFETIME
from catflap.setting_urls import is_local, is_loopback
from catflap.settings import Settings
from catflap.signin.authorization_requests import REQUEST_LIFETIME
from catflap.signin.sessions import ABSOLUTE, IDLE
from catflap.vault.lifetimes import AUDIT_KEPT, CALENDAR_DELIVERIES_KEPT, ENDED_KEPT
from catflap.web.i18n import Texts

# What is stored: the part of the keys in `locales/`, with the spans that its sentences name.
STORED: Mapping[str, Mapping[str, timedelta]] = {
    "who": {},
    "permission": {"ended": ENDED_KEPT},
    "appointments": {"past": KEEP_PAST},
    "announcements": {"kept": ANNOUNCEMENTS_KEPT},
    "reactions": {"kept": FACTS_KEPT},
    "choices": {},
    "devices": {"waiting": PAIRING_LIFETIME},
    "sessions": {"idle": IDLE, "longest": ABSOLUTE},
    "attempts": {"kept": REQUEST_LIFETIME},
    "log": {"kept": AUDIT_KEPT},
    "messages": {"kept": ENDED_KEPT, "calendars": CALENDAR_DELIVERIES_KEPT},
    "browser": {},
}
_NOT_FOR_SCRIPTS = (
    "loopback_",
    *(f"privacy_{part}_" for part in ("name", "what", "kept", "readers", "leaves", "where")),
)
_UNITS = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1)))


@dataclass(frozen=True)
class StoredItem:
    """One kind of data: its name, what it consists of, and for how long it is kept."""

    key: str
    name: str
    what: str
    kept: str


@dataclass(frozen=True)
class PrivacyNotice:
    """The parts of the privacy page that are not the same in every installation, in one language."""

    stored: tuple[StoredItem, ...]
    leaves: tuple[str, ...]


def privacy_notice(settings: Settings, texts: Texts) -> PrivacyNotice:
    """Return the notice for the installation with these settings."""
    stored = (_item(key, spans, texts) for key, spans in STORED.items())
    return PrivacyNotice(tuple(stored), tuple(_leaves(settings, texts)))


def script_texts(texts: Texts) -> dict[str, str]:
    """Return the texts without those of the notice and of `catflap signin`, which no script needs."""
    return {key: text for key, text in texts.items() if not key.startswith(_NOT_FOR_SCRIPTS)}


def span_text(span: timedelta, texts: Texts) -> str:
    """Return a span in the largest unit that expresses it in whole numbers."""
    unit, size = next((name, size) for name, size in _UNITS if not span % size)
    count = span // size
    return texts[f"span_one_{unit}" if count == 1 else f"span_{unit}"].format(count=count)


def _item(key: str, spans: Mapping[str, timedelta], texts: Texts) -> StoredItem:
    values = {name: span_text(span, texts) for name, span in spans.items()}
    what, kept = (texts[f"privacy_{part}_{key}"].format(**values) for part in ("what", "kept"))
    return StoredItem(key, texts[f"privacy_name_{key}"], what, kept)


def _leaves(settings: Settings, texts: Texts) -> list[str]:
    """Return what other computers get to know."""

    def told(what: str, url: str = "") -> str:
        return texts[f"privacy_leaves_{what}"].format(where=_where(url, texts) if url else "")

    speech = [url for url in (settings.voicevox_url, settings.openai_speech_url) if url]
    leaves = [told("google"), *(told("speech", url) for url in speech)]
    if not speech:
        leaves.append(told("no_speech"))
    if settings.mqtt_broker is not None:
        leaves.append(told("mqtt", f"mqtt://{settings.mqtt_broker.host}"))
    if settings.home_assistant_url:
        leaves.append(told("home_assistant", settings.home_assistant_url))
    return [*leaves, told("programs")]


def _where(url: str, texts: Texts) -> str:
    """Describe a host; the name of one that is not of a local network is no secret, and matters."""
    place = "here" if is_loopback(url) else "near" if is_local(url) else "far"
    return texts[f"privacy_where_{place}"].format(host=urlsplit(url).hostname or "")
