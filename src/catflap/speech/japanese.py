"""Rewriting Japanese text so that OpenJTalk reads it as a person would.

OpenJTalk reads `10:30` without 時 and 分, Latin words letter by letter and symbols by their names.
A reading stays as it is when it is rewritten once more.
"""

import re

from catflap.speech.cleaning import capped, only_words, speakable
from catflap.speech.katakana import in_katakana
from catflap.speech.language import JAPANESE_SIGN

# Nobody wants to hear a telephone number in trillions.
_LONG_NUMBER = re.compile(r"\d{7,}")
_DIGITS = str.maketrans(
    dict(
        zip(
            "0123456789",
            ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー"),
            strict=True,
        )
    )
)
_URL = re.compile(r"(?:https?://|www\.)[^\s、。「」()<>]+", re.IGNORECASE)
_EMAIL = re.compile(r"([\w.+-]+)@[\w-]+(?:\.[\w-]+)+")
_ONE_ON_ONE = re.compile(r"(?<![\d:])1\s*(?:on|:|対)\s*1(?![\d:])", re.IGNORECASE)
_TIME = re.compile(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?::[0-5]\d)?(?![\d:])")
_HOUR_ZERO = re.compile(r"(?<!\d)0+時(?!間)")
_BETWEEN = re.compile(r"(?<=[\d時分日月])\s*[~〜～–—-]\s*(?=\d)")
_DATE = re.compile(r"(?<![\d/])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])(?![\d/])")
_SYMBOLS = str.maketrans(
    {"&": "アンド", "@": "アット", "%": "パーセント", "+": "プラス", "=": "イコール", "×": "バツ"}
    | {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円", "°": "度"}
    | dict.fromkeys("→⇒/|()[]{}:;,【】〔〕《》〈〉~〜–—・…", "、")
    | dict.fromkeys('_-#*^`\\<>"“”', " ")
)
_STOPS = "、。!?「」『』."
_BLANK = re.compile(rf"(?<={JAPANESE_SIGN})\s+|\s+(?={JAPANESE_SIGN})")
_PAUSES = re.compile(r"[\s、]*、[\s、]*")


def reading(text: str) -> str:
    """Japanese text as OpenJTalk should get it; punctuation of sentences is kept."""
    text = _EMAIL.sub(r"\1", _URL.sub("リンク", speakable(text)))
    text = _ONE_ON_ONE.sub("ワンオンワン", text)
    text = _TIME.sub(_hours_and_minutes, text)
    text = _DATE.sub(lambda match: f"{int(match[1])}月{int(match[2])}日", text)
    text = _HOUR_ZERO.sub("レイジ", _BETWEEN.sub("から", text))
    text = _LONG_NUMBER.sub(lambda match: match[0].translate(_DIGITS), text)
    text = in_katakana(text.translate(_SYMBOLS))
    return _PAUSES.sub("、", _BLANK.sub("", only_words(text, _STOPS))).strip("、 ")


def title_reading(title: str, limit: int) -> str:
    """A title inside a sentence: no stops of its own, at most `limit` moras long."""
    flat = re.sub(r"[。!?「」『』]", "、", reading(title))
    return capped(_PAUSES.sub("、", flat).strip("、. "), limit, moras)


def moras(char: str) -> int:
    """About how many moras a character takes: two for a kanji or digit, one for a kana."""
    return 2 if char.isdigit() or char >= "\u3400" else 1


def _hours_and_minutes(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24:
        return match[0]
    return f"{hour}時{minute}分" if minute else f"{hour}時"
