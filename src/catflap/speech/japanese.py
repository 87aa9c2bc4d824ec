"""Rewrite Japanese text so that OpenJTalk reads it as a person would.

OpenJTalk reads `10:30` without 時 and 分, Latin words letter by letter and symbols by their names.
Rewriting is idempotent.
"""

import re
from functools import cache

from catflap.speech.bible_verses import verses_ja
from catflap.speech.japanese_dates import DATES, TIMES
from catflap.speech.japanese_numbers import PHONES, THOUSANDS, digit_by_digit, money, numbers
from catflap.speech.katakana import to_katakana
from catflap.speech.language import JAPANESE_SIGN
from catflap.speech.rules import Rule, apply, apply_until_stable, rule
from catflap.speech.text import keep_words, speakable_text, truncate

_QUARTERS = {"1": "キューワン", "2": "キューツー", "3": "キュースリー", "4": "キューフォー"}


def _quarters(match: re.Match[str]) -> str:
    return "から".join(_QUARTERS[number] for number in match.groups())


_NAMES: tuple[Rule, ...] = (
    rule(r"(?:https?://|www\.)[^\s、。「」()<>]+", "リンク", ignore_case=True),
    rule(r"([\w.+-]+)@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})", r"\1アット\2"),
    rule(
        r"(?<=[A-Za-z0-9])\.(?=(?:com|org|net|io|dev|co|jp|app|ai|edu|pdf|docx?|xlsx?|pptx?|csv|txt|zip)(?![a-z]))",
        "ドット",
    ),
    rule(r"(?<![A-Za-z])([CFJ])#", r"\1シャープ"),
    rule(r"(?<=\w)\+\+", "プラスプラス"),
    rule(r"(?<!\w)\.NET(?![A-Za-z])", "ドットネット", ignore_case=True),
    rule(r"(?<=[A-Za-z])\.js(?![A-Za-z])", "ジェーエス", ignore_case=True),
    # With a pause before it, without which 田中さんとワンオンワン is heard as とは問わん.
    rule(
        r"(?P<before>(?<=\w)\s*)?(?<![\d:])1\s*(?:-?on-?|:|対)\s*1(?![\d:])(?P<after>\s+(?=\w))?",
        lambda match: (
            ("" if match["before"] is None else "、") + "ワンオンワン" + ("、" if match["after"] else "")
        ),
        ignore_case=True,
    ),
    # Quarters, which are said in English: キュースリー, not 13.
    rule(r"(?<![A-Za-z])Q([1-4])\s?[-~〜–—]\s?Q?([1-4])(?![\d%.])", _quarters),
    rule(r"(?<![A-Za-z])Q([1-4])(?!\d|[.,]\d)", _quarters),
    rule(r"(?<![\w])w/(o?)(?![A-Za-z])", lambda match: "ウィズアウト" if match[1] else "ウィズ"),
    rule(r"\((株|有)\)", lambda match: {"株": "株式会社", "有": "有限会社"}[match[1]]),
    rule(r"(?<![A-Za-z])R&D(?![A-Za-z])", "アールアンドディー"),
)
_BETWEEN = rule(
    r"(?<=[\d時分半日月年人名個回階度円歳週件本枚代階%])\s*[~〜～]\s*(?=\d)|(?<=[\d時分日月])\s*[–—-]\s*(?=\d)"
    r"|(?<=[時分半午])\s*[~〜–—-]\s*(?=午前\d|午後\d|正午|深夜|翌|\d)"
    # 10時〜未定, 14時〜集合, -10〜-5度
    r"|(?<=[時分半])\s*[~〜]\s*(?=[^\W\d_])|(?<=\d)\s*[~〜]\s*(?=マイナス\d)",
    "から",
)
_SYMBOLS = str.maketrans(
    {"&": "アンド", "@": "アット", "%": "パーセント", "+": "プラス", "=": "イコール", "×": "バツ"}
    | {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円", "°": "度"}
    | dict.fromkeys("→⇒/|()[]{}:;,【】〔〕《》〈〉~〜–—・…⁄", "、")
    | dict.fromkeys('_-#*^`\\<>"“”', " ")
)
_STOPS = "、。!?「」『』."
_BLANK = re.compile(rf"(?<={JAPANESE_SIGN})\s+|\s+(?={JAPANESE_SIGN})")
_PAUSES = re.compile(r"[\s、]*、[\s、]*")


@cache
def _rules() -> tuple[Rule, ...]:
    return (
        *verses_ja(),
        *_NAMES,
        *money(),
        THOUSANDS,
        *DATES,
        *PHONES,
        *TIMES,
        *numbers(),
        _BETWEEN,
        # Long telephone numbers are read digit by digit.
        rule(r"(?<!\d)(?:\d{13,}|\d{7,12}(?![\d万億円]))", lambda match: digit_by_digit(match[0])),
    )


def reading(text: str) -> str:
    """Return Japanese text for OpenJTalk, with its sentence punctuation."""
    return apply_until_stable(_read, text)


def _read(text: str) -> str:
    text = to_katakana(apply(_rules(), speakable_text(text)).translate(_SYMBOLS))
    return _PAUSES.sub("、", _BLANK.sub("", keep_words(text, _STOPS))).strip("、 ")


def title_reading(title: str, limit: int) -> str:
    """Return the text of a title inside a sentence, without full stops, cut to `limit` moras."""
    flat = re.sub(r"[。!?「」『』]", "、", reading(title))
    return truncate(_PAUSES.sub("、", flat).strip("、. "), limit, moras)


def moras(char: str) -> int:
    """Return about how many moras a character has: two for a kanji or digit, one for a kana."""
    return 2 if char.isdigit() or char >= "\u3400" else 1
