"""The privacy page says what the constants and settings do, in both languages, and writes no number twice."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest

from catflap.announcements.facts import FACTS_KEPT
from catflap.announcements.repository import KEPT
from catflap.calendars.store import KEEP_PAST
from catflap.devices.pairing import LIFETIME
from catflap.settings import Settings
from catflap.signin.authorization_requests import REQUEST_LIFETIME
from catflap.signin.sessions import ABSOLUTE, IDLE
from catflap.vault.lifetimes import AUDIT_KEPT, CALENDAR_DELIVERIES_KEPT, ENDED_KEPT
from catflap.web import privacy
from catflap.web.i18n import LANGUAGES, texts
from catflap.web.privacy import privacy_notice, span_text

# What deletes old rows, by what the page says about them.
DELETED_BY = {
    "permission": (ENDED_KEPT,),
    "appointments": (KEEP_PAST,),
    "announcements": (KEPT,),
    "reactions": (FACTS_KEPT,),
    "devices": (LIFETIME,),
    "sessions": (IDLE, ABSOLUTE),
    "attempts": (REQUEST_LIFETIME,),
    "log": (AUDIT_KEPT,),
    "messages": (ENDED_KEPT, CALENDAR_DELIVERIES_KEPT),
}


def leaves(language: str = "en", **more: object) -> tuple[str, ...]:
    return privacy_notice(Settings(**more), texts(language)).leaves  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_span_is_that_by_which_rows_are_deleted(language: str) -> None:
    words = texts(language)
    for item in privacy_notice(Settings(), words).stored:
        said = f"{item.what} {item.kept}"
        for span in DELETED_BY.get(item.key, ()):
            assert span_text(span, words) in said, item.key
        assert "{" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_page_names_a_number_itself(language: str) -> None:
    named = {key: text for key, text in texts(language).items() if key.startswith("privacy_")}
    assert named and {key for key, text in named.items() if re.search(r"\d", text)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_constant_changes_what_the_page_says(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other: Mapping[str, Mapping[str, timedelta]] = {"announcements": {"kept": timedelta(minutes=7)}}
    monkeypatch.setattr(privacy, "STORED", other)
    (item,) = privacy_notice(Settings(), texts(language)).stored
    assert span_text(timedelta(minutes=7), texts(language)) in item.kept


@pytest.mark.parametrize(
    ("span", "english", "japanese"),
    [
        (timedelta(days=180), "180 days", "180日間"),
        (timedelta(hours=48), "2 days", "2日間"),
        (timedelta(hours=36), "36 hours", "36時間"),
        (timedelta(hours=1), "one hour", "1時間"),
        (timedelta(minutes=10), "10 minutes", "10分間"),
    ],
)
def test_a_span_is_said_in_its_largest_whole_unit(span: timedelta, english: str, japanese: str) -> None:
    assert (span_text(span, texts("en")), span_text(span, texts("ja"))) == (english, japanese)


def test_without_settings_nothing_that_is_said_leaves() -> None:
    said = leaves()
    assert texts("en")["privacy_leaves_no_speech"] in said
    assert not any(word in " ".join(said) for word in ("MQTT", "Home Assistant", "speech server"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"voicevox_url": "http://127.0.0.1:50021"}, "a speech server on the same computer"),
        ({"voicevox_url": "http://192.168.1.7:50021"}, "a speech server in the same network"),
        ({"openai_speech_url": "https://api.example.com/v1"}, "a speech server elsewhere (api.example.com)"),
        ({"mqtt_url": "mqtts://us:secret@broker.example.com"}, "a broker elsewhere (broker.example.com)"),
        (
            {
                "home_assistant_url": "http://homeassistant.local:8123",
                "home_assistant_token": "secret",
                "allowed_emails": ("alice@example.com",),
            },
            "a Home Assistant in the same network",
        ),
    ],
)
def test_what_leaves_follows_the_settings(more: dict[str, object], expected: str) -> None:
    said = " ".join(leaves(**more))
    assert expected in said and "secret" not in said and "192.168" not in said
    assert (texts("en")["privacy_leaves_no_speech"] in said) == ("speech server" not in expected)


def test_it_is_said_in_japanese_where_the_speech_server_is() -> None:
    assert "外部(api.example.com)の音声サーバー" in " ".join(
        leaves("ja", openai_speech_url="https://api.example.com/v1")
    )
