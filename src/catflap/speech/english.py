"""Rewriting English text so that eSpeak NG reads it as a person would."""

import re

from catflap.speech.cleaning import capped, only_words, speakable

# Nobody wants to hear a telephone number in octillions.
_LONG_NUMBER = re.compile(r"\d{7,}")
_URL = re.compile(r"(?:https?://|www\.)[^\s()<>]+", re.IGNORECASE)
_EMAIL = re.compile(r"([\w.+-]+)@[\w-]+(?:\.[\w-]+)+")
_ONE_ON_ONE = re.compile(r"(?<![\d:])1\s*(?:on|:)\s*1(?![\d:])", re.IGNORECASE)
_TIME = re.compile(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?::[0-5]\d)?(?![\d:])")
_BETWEEN = re.compile(r"(?<=\d)\s*[~–—-]\s*(?=\d)")
_WITH = re.compile(r"(?<!\w)w/(o?)(?!\w)\s*|(?<!\w)w/(?=\w)")
_NUMBER = re.compile(r"#(?=\d)")
_SYMBOLS = str.maketrans(
    {"&": " and ", "@": " at ", "%": " percent ", "+": " plus ", "=": " equals ", "$": " dollars "}
    | dict.fromkeys("()[]{}|;→⇒…–—~", ", ")
    | dict.fromkeys('_#*^`\\<>"“”/', " ")
)
_STOPS = ",.!?:'’-、。"
_PAUSES = re.compile(r"[\s,]*,[\s,]*")
_ENDS = " ,.!?:;-"


def reading(text: str) -> str:
    """English text as eSpeak NG should get it; punctuation of sentences is kept."""
    text = _EMAIL.sub(r"\1", _URL.sub("a link", speakable(text)))
    text = _TIME.sub(_clock, _ONE_ON_ONE.sub("one on one", text))
    text = _WITH.sub(lambda match: "without " if match[1] else "with ", _BETWEEN.sub(" to ", text))
    text = _LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)
    text = only_words(_NUMBER.sub("number ", text).translate(_SYMBOLS), _STOPS)
    # Once more, because a dash may stand between numbers only now that symbols are gone.
    text = _BETWEEN.sub(" to ", text)
    return _PAUSES.sub(", ", text).strip(" ,")


def title_reading(title: str, limit: int) -> str:
    """A title inside a sentence: no stops of its own, at most `limit` characters."""
    flat = re.sub(r"[.!?:]+(?=\s|$)", ",", reading(title))
    return capped(_PAUSES.sub(", ", flat).strip(_ENDS), limit)


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24:
        return match[0]
    return f"{hour} {minute}" if minute >= 10 else f"{hour} oh {minute}" if minute else f"{hour} o'clock"
