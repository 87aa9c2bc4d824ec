"""Rules for prices, telephone numbers, temperatures, versions, floors, rooms and units in English titles."""

import re
from collections.abc import Iterable
from functools import cache

from catflap.speech.english_data import ordinal, tables
from catflap.speech.english_dates import fraction
from catflap.speech.rules import Rule, rule

_NUMBER = r"\d+(?:\.\d+)?"
_AMOUNT = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+|,\d{2}(?!\d))?)"
_SIZE = r"(?:\s?(k|K|m|M|mn|bn|B|thousand|million|billion|trillion)\b)?"
_SIZES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
_TO = r"\s?[-–—~]\s?"
_SOFTWARE = (
    "Python|Node|Java|iOS|iPadOS|Android|macOS|Ubuntu|PHP|Ruby|Rust|React|Vue|Angular|Django|Rails|Windows|"
    "Debian|PostgreSQL|Postgres|Kubernetes|Swift|Kotlin|TypeScript|Release|release|Version|version|Go"
)


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern that matches any of these, the longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def _price(amount: str, size: str | None, currency: str) -> str:
    one, many, *cents = tables().currencies[currency]
    amount = re.sub(r",(?=\d{3})", "", amount).replace(",", ".")
    if size:
        return f"{amount} {_SIZES.get(size.lower(), size)} {many}"
    whole, _, part = amount.partition(".")
    if not cents or len(part) != 2:
        return f"{_large(whole)}{'.' if part else ''}{part} {one if amount == '1' else many}"
    said = [f"{_large(whole)} {one if int(whole) == 1 else many}"] if int(whole) or not int(part) else []
    if int(part):
        said.append(f"{int(part)} {cents[0] if int(part) == 1 else cents[1]}")
    return " and ".join(said)


def _large(whole: str) -> str:
    """Return millions in words, because more than six digits are read one by one."""
    if not 7 <= len(whole) <= 12:
        return whole
    groups = f"{int(whole):,}".split(",")
    sizes = ("billion", "million", "thousand", "")[-len(groups) :]
    said = (f"{int(group)} {size}".strip() for group, size in zip(groups, sizes, strict=True) if int(group))
    return " ".join(said) or whole


def _price_range(match: re.Match[str]) -> str:
    return f"{match[2]} to {_price(match[3], match[4], match[1])}"


def _phone(match: re.Match[str]) -> str | None:
    """Return a number digit by digit, in its groups."""
    groups = re.findall(r"\d+", match[0])
    if not 7 <= sum(map(len, groups)) <= 19:
        return None
    return ("plus " if match[0].startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


def _temperature(match: re.Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit"}.get(match[2] or "", "")
    return f"{match[1]} {'degree' if match[1] == '1' else 'degrees'}{scale} "


def _measured(match: re.Match[str]) -> str:
    unit = tables().units[match[2]]
    return f"{match[1]} {unit}" if match[1] == "1" else f"{match[1]} {unit}s"


def _floor(match: re.Match[str]) -> str | None:
    number = int(match[1])
    return f"{ordinal(number)} floor" if number <= 60 else f"{number} degrees Fahrenheit"


def _room(digits: str) -> str:
    """Return a room number as it is spoken: 101 is 1 oh 1, 214 is 2 14."""
    head, tail = digits[:-2], digits[-2:]
    if tail == "00":
        return digits
    return f"{head} oh {tail[1]}" if tail[0] == "0" else f"{head} {tail}"


def _mixed_fraction(match: re.Match[str]) -> str:
    words = fraction(int(match[2]), int(match[3]))
    if not match[1]:
        return words
    return f"{match[1]} and {'a half' if words == 'half' else words}"


DECIMALS: tuple[Rule, ...] = (
    # 1.200,50 in European prices, 10,5 km, .5
    rule(
        r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{2})(?![\d,.])",
        lambda match: match[1].replace(".", "") + f".{match[2]}",
    ),
    rule(r"(?<![\d.,])(\d+),(\d{1,2})(?=\s?(?:km|kg|cm|%|°))", r"\1.\2"),
    # 1 000 €, 12 500,00 €
    rule(
        r"(?<![\w.,])\d{1,3}(?: \d{3})+(?=(?:,\d\d)?\s?(?:[€₽₴]|EUR\b))",
        lambda match: match[0].replace(" ", ""),
    ),
    rule(r"(?<![\w.,])\.(?=\d)", "0."),
)
THOUSANDS = rule(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda match: _large(match[0].replace(",", "")))

PHONES: tuple[Rule, ...] = (
    rule(r"(?<![\w+])\+\d(?:[\s().-]*\d){7,14}(?![\w-])", _phone),
    rule(r"(?<![\w.+-])(?:1[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])", _phone),
    rule(r"(?<![\w.+-])\(?0\d{1,4}\)?(?:[ /-]\d{2,8}){1,4}(?![\w-])", _phone),
    rule(r"(?<![\w.+-])\d{3}-\d{4}(?![\w-])", _phone),
    # 555-123-4567 x12, ext. 12
    rule(
        r"(?<=\d \d),?\s?(?:x|[Ee]xt(?:ension)?\.?)\s?(\d{1,6})\b",
        lambda match: ", extension " + " ".join(match[1]),
    ),
    rule(r"\b[Ee]xt\.?\s?(\d{1,6})\b", lambda match: "extension " + " ".join(match[1])),
    # Cards and other long numbers in groups
    rule(r"(?<![\w.+-])\d{3,4}(?:[ -]\d{4}){2,}(?![\w-])", _phone),
    rule(r"(?<![\w.+-])1-(8\d\d)-(?=[A-Z])", lambda match: "1 " + " ".join(match[1]) + " "),
    rule(
        r"\b(PIN|pin|code|Code|ID|passcode|Passcode|OTP)((?: is)?:? )(\d{4,})\b",
        lambda match: match[1] + match[2] + " ".join(match[3]),
    ),
)


@cache
def money() -> tuple[Rule, ...]:
    """Return the rules for prices."""
    currencies = tables().currencies
    code = _any_of(currencies)
    sign = _any_of(one for one in currencies if not one.isalpha())
    names = _any_of({name for words in currencies.values() for name in words[:2]})
    per = _any_of(tables().per)
    return (
        rule(rf"(?<![\w.])-(?=(?:{sign})\d)", "minus "),
        rule(rf"({sign})\s?{_AMOUNT}{_TO}(?:\1\s?)?{_AMOUNT}{_SIZE}", _price_range),
        rule(rf"({sign})\s?{_AMOUNT}{_SIZE}", lambda match: _price(match[2], match[3], match[1]) + " "),
        rule(rf"\b({code})\s?{_AMOUNT}{_SIZE}", lambda match: _price(match[2], match[3], match[1]) + " "),
        rule(
            rf"(?<![\w.,]){_AMOUNT}{_SIZE}\s?({code})(?!\w)",
            lambda match: _price(match[1], match[2], match[3]) + " ",
        ),
        rule(rf"\b({names}) ?/ ?({per})\b", lambda match: f"{match[1]} per {tables().per[match[2]]}"),
    )


@cache
def numbers() -> tuple[Rule, ...]:
    """Return the rules for fractions, temperatures, versions, floors, rooms and units."""
    unit = _any_of(tables().units)
    return (
        # ½ day, 2½ hours, 2 1/2 hours
        rule(r"(?:(?<![\w.])(\d+) )?(?<!\d)(\d{1,3})⁄(\d{1,3})(?!\d)", _mixed_fraction),
        # 20°C, -5°C, 20°, -10 to -5°C
        rule(
            r"(?<![\w)])-(?=\d[\d.]*\s?(?:(?:to|[-–—~])\s?-?\d[\d.]*\s?)?(?:°|%|degree))",
            "minus ",
        ),
        rule(r"(?<=\d)\s?[-–—~]\s?(?=minus \d)", " to "),
        rule(rf"(?<![\w.])({_NUMBER})\s?°\s?([CF]\b)?", _temperature),
        # v2.0.1, 10.0.0.1, Python 3.12
        rule(
            r"\b[vV]\.?\s?(\d+(?:\.\d+)+)(?![\w])",
            lambda match: "version " + match[1].replace(".", " point "),
        ),
        rule(r"\bv(\d+)\b", r"version \1"),
        rule(r"(?<![\w.])\d+(?:\.\d+){3,}(?![\w.]*\d)", lambda match: match[0].replace(".", " dot ")),
        rule(r"(?<![\w.])\d+(?:\.\d+){2}(?![\w.]*\d)", lambda match: match[0].replace(".", " point ")),
        rule(rf"\b((?:{_SOFTWARE}) \d+)\.(\d+)(?![\d.])", r"\1 point \2"),
        # B1F, 3F, 2/F, 5th fl.
        rule(r"(?<![\w.])B(\d)F\b", r"basement \1"),
        rule(r"(?<![\w.°])([1-9]\d?)/?F\b", _floor),
        rule(r"\b(\d+(?:st|nd|rd|th)) flr?\b\.?", r"\1 floor"),
        rule(r"\b[Ff]lr?\b\.?\s(?=\d)", "floor "),
        # Rm. 7, Room 101, A-101
        rule(r"\b[Rr]m\.?\s(?=[A-Z]?\d)", "room "),
        rule(
            r"\b(Room|room|Rm|rm|Suite|suite|Apt|apt|Unit|unit)\b\.?\s#?(\d{3,4})\b",
            lambda match: (
                f"{ {'rm': 'room', 'apt': 'apartment'}.get(match[1].lower(), match[1]) } {_room(match[2])}"
            ),
        ),
        rule(r"\b([A-Z])-(\d{3,4})\b", lambda match: f"{match[1]} {_room(match[2])}"),
        # km/h, 5km, 1h30, 90-min
        rule(r"\bkm/h\b|\bkph\b", "kilometers per hour"),
        rule(r"(?<=\d)\s?mph\b", " miles per hour"),
        rule(r"(?<![\w.])(\d+)h([0-5]?\d)(?:m|min)?\b", r"\1 h \2 min"),
        rule(r"(?<=hour )([0-5]?\d)m\b|(?<=hours )([0-5]?\d)m\b", r"\1\2 min"),
        rule(rf"(?<![\w.])({_NUMBER})[\s-]?({unit})\b(?!\.?\w|\+)", _measured),
        # 3x4, ~10, ±2
        rule(r"(?<=\d)\s?[x×]\s?(?=\d)", " by "),
        rule(r"(?<![\w)])[~≈]\s?(?=\d)", "about "),
        rule("±", " plus or minus "),
    )
