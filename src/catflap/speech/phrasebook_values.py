"""Values of placeholders with which a phrase is checked: its length, and how the engine reads it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from catflap.speech.language import Language
from catflap.speech.phrasebooks import Phrase, Phrasebook
from catflap.speech.spoken_times import TextPair

_VALUES: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "ja": {"titles": "「会議」", "title": "「会議」", "time": "午後3時半", "span": "10分", "count": "3"}
        | {
            "name": "ケンジ",
            "day": "今日",
            "date": "11月24日、火曜日",
            "list": "午後3時半から「会議」、ほか2件",
        },
        "en": {"titles": "team lunch", "title": "team lunch", "time": "half past three"}
        | {"span": "10 minutes", "count": "3", "day": "today", "date": "Tuesday, November 24th"}
        | {"name": "Alice", "list": "team lunch at half past three and 2 more"},
    }
)
_HOURS: Mapping[Language, str] = MappingProxyType({"ja": "2時間半", "en": "two and a half hours"})
# What else Japanese placeholders may be. The engine reads a word by its neighbours: it takes the end of
# 2時間半ばい for ナカバイ.
_OTHER_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "titles": (
            "「会議」と「面談」、ほか1件",
            "予定",
            "あるかもしれない「会議」",
            "「歯医者に行く」の予定",
        ),
        "time": (
            "正午",
            "12時半",
            "午前レイジ5分",
            "午後7時20分",
            "明日の午前9時",
            "11月30日、月曜日の午後1時",
        ),
        "span": ("1分", "2分", "15分", "1時間", "2時間半", "3時間10分", "2日と5時間", "14日"),
        "count": ("1", "2", "5", "10", "14"),
        "name": ("花子", "アリス", "健太"),
        "list": ("午前9時から「面談」、12時半から「会議」",),
        "day": ("明日", "12月1日、火曜日"),
        "date": ("12月1日、火曜日", "1月20日、水曜日"),
    }
)
# What stands behind a number in each phrase, and changes how it is read.
_UNITS: Mapping[str, str] = MappingProxyType({"count": "件"})


def usual_values(book: Phrasebook, kind: str) -> dict[str, str]:
    """Return the values with which a phrase of this kind is measured and has its golden reading."""
    language = book.dialect.language
    hours = {"span": _HOURS[language]} if kind == "before_hours" else {}
    return {**_VALUES[language], **hours}


def filled(phrase: Phrase, values: Mapping[str, str]) -> str:
    """Return a phrase as it is spoken with these values."""
    pairs = {name: TextPair(text, text) for name, text in values.items()}
    return phrase.format(
        **pairs, **{name.capitalize(): one.capitalised() for name, one in pairs.items()}
    ).spoken


def replacements(
    phrase: Phrase, values: Mapping[str, str]
) -> Iterator[tuple[Mapping[str, str], tuple[str, str]]]:
    """Yield other values for a Japanese phrase, one changed at a time, with its text before and after.

    The two texts have the unit that stands behind a number in the phrase.
    """
    for name, others in _OTHER_VALUES.items():
        if f"{{{name}}}" in phrase.spoken:
            unit = _UNITS.get(name, "")
            for other in others:
                yield {**values, name: other}, (values[name] + unit, other + unit)
