"""Texts of the page: the languages agree, every key is used and defined, and requests add nothing."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import catflap
from catflap.web.i18n import LANGUAGES, InvalidLocaleFile, choose_language, parse_locale, texts

SOURCE = Path(catflap.__file__).parent
# Keys that a script or the server composes: prefix, and where the rest of the key comes from.
COMPOSED = (
    "account_",
    "broken_",
    "device_",
    "device_play_",
    "device_plays_",
    "dialect_",
    "did_",
    "engine_about_",
    "error_",
    "failed_",
    "hear_",
    "hear_none_",
    "grant_",
    "held_",
    "hook_",
    "key_",
    "may_",
    "mend_",
    "pitch_",
    "outcome_",
    "problem_",
    "remedy_",
    "screen_",
    "span_",
    "span_one_",
    "state_",
    "step_",
    "talk_",
    "today_",
    "unheard_",
    "why_",
    "zone_from_",
    *(f"privacy_{part}_" for part in ("erase", "kept", "leaves", "name", "what", "where")),
)
# `error.type` of Google's popup (google.accounts.oauth2.initCodeClient, error_callback).
FROM_GOOGLE = {"error_popup_failed_to_open", "error_popup_closed"}


def test_every_language_has_the_same_keys_and_placeholders() -> None:
    placeholders = [
        {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in texts(language).items()}
        for language in LANGUAGES
    ]
    assert all(found == placeholders[0] for found in placeholders)


def test_every_locale_file_belongs_to_a_language() -> None:
    assert {file.stem for file in (SOURCE / "web/locales").iterdir()} == set(LANGUAGES)


def test_every_key_of_a_template_script_or_module_is_defined() -> None:
    assert _keys_in_templates() | _keys_in_scripts() | _keys_in_python() <= texts("en").keys()


def test_every_key_is_used() -> None:
    used = _keys_in_templates() | _keys_in_scripts() | _keys_in_python()
    literals = set(re.findall(r"[\"'](\w+)[\"']", "\n".join(_read("*.py", "*.js"))))
    unused = {key for key in texts("en") if key not in used | FROM_GOOGLE and not _is_composed(key, literals)}
    assert unused == set()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title = ", "xx.toml is not valid TOML: "),
        ("title = 3", "xx.toml: 'title' must be a non-empty string, not 3"),
        ('title = " "', "xx.toml: 'title' must be a non-empty string, not ' '"),
        ('[error]\nother = "No."', "xx.toml: 'error' must be a non-empty string, not {'other': 'No.'}"),
    ],
)
def test_a_malformed_locale_file_is_refused_by_name_and_key(content: str, message: str) -> None:
    with pytest.raises(InvalidLocaleFile, match=re.escape(message)):
        parse_locale(content, "xx.toml")


@pytest.mark.parametrize(
    ("header", "override", "language"),
    [
        ("", None, "en"),
        ("ja", None, "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", None, "ja"),
        ("de-DE,de;q=0.9,ja;q=0.3,en;q=0.2", None, "ja"),
        ("en-GB,ja;q=0.9", None, "en"),
        ("ja;q=0", None, "en"),
        ("ja;q=lots,,;;", None, "en"),
        ("fr", None, "en"),
        ("en", "ja", "ja"),
        ("ja", "en", "en"),
        ("ja", "<script>", "ja"),
    ],
)
def test_the_reader_chooses_the_language(header: str, override: str | None, language: str) -> None:
    assert choose_language(header, override) == language


def _read(*patterns: str) -> Iterable[str]:
    return [file.read_text("utf-8") for pattern in patterns for file in SOURCE.rglob(pattern)]


def _keys_in_templates() -> set[str]:
    return set(re.findall(r"\btexts\.(\w+)", "\n".join(_read("*.html"))))


def _keys_in_python() -> set[str]:
    return set(re.findall(r"\btexts\[\"(\w+)\"\]", "\n".join(_read("*.py"))))


def _keys_in_scripts() -> set[str]:
    calls = re.findall(r"\b(?:word|oneOf)\(([^,{})]*)", "\n".join(_read("*.js")))
    return {key for call in calls for key in re.findall(r'"(\w+)"', call)}


def _is_composed(key: str, literals: set[str]) -> bool:
    suffixes = [key.removeprefix(prefix) for prefix in COMPOSED if key.startswith(prefix)]
    return "other" in suffixes or any(suffix in literals for suffix in suffixes)
