"""Rules for URLs, names of software and abbreviations in English titles."""

import re
from functools import cache

from catflap.speech.english_data import ordinal, tables
from catflap.speech.rules import Rule, rule

_ENDINGS = (
    "com|org|net|io|dev|co|jp|de|uk|app|ai|edu|gov|me|tv|fr|eu|us|pdf|docx?|xlsx?|pptx?|csv|txt|md|py|ts|html|"
    "zip|png|jpg|mp3|mp4"
)
_ROMAN = {"I": 1, "V": 5, "X": 10}
_NUMERAL = r"(X{0,2}(?:IX|IV|V?I{0,3}))(?![\w.'’-])"
_RULERS = (
    "Henry|Elizabeth|Louis|Charles|George|Edward|Richard|William|James|Philip|Pius|Benedict|Leo|Frederick"
)
_CHAPTERS = (
    "part|chapter|phase|volume|vol|act|level|season|war|module|unit|stage|book|section|round|type|title|"
    "episode|calculus|algebra|lesson|class|grade|step|series|bowl|mark|tier"
)


def _email(match: re.Match[str]) -> str:
    return f"{match[1]} at {match[2]}".replace(".", " dot ")


def _of_roman(numeral: str) -> int | None:
    if not numeral:
        return None
    values = [_ROMAN[letter] for letter in numeral]
    return sum(
        -value if i + 1 < len(values) and values[i + 1] > value else value for i, value in enumerate(values)
    )


def _numbered(match: re.Match[str]) -> str | None:
    number = _of_roman(match[2])
    return f"{match[1]} {number}" if number else None


def _numbered_if_clear(match: re.Match[str]) -> str | None:
    # A lone I, V or X is a word or a letter, XX and XXX are neither.
    return _numbered(match) if match[2] not in ("I", "V", "X", "XX", "XXX") else None


def _ruler(match: re.Match[str]) -> str | None:
    number = _of_roman(match[2])
    return f"{match[1]} the {ordinal(number)}" if number else None


def _without_slash(match: re.Match[str]) -> str:
    return "without " if match[1] else "with "


NAMES: tuple[Rule, ...] = (
    rule(r"(?:https?://|www\.)[^\s()<>]+", "a link", ignore_case=True),
    rule(r"([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)", _email),
    # C#, C++, .NET, Node.js
    rule(r"\b([CFJ])#(?!\d)", r"\1 sharp"),
    rule(r"(?<=\w)\+\+", " plus plus "),
    rule(r"\.NET\b", " dot net", ignore_case=True),
    rule(r"(?<=\w)\.js\b", " JS", ignore_case=True),
    rule(rf"(?<=\w)\.(?=(?:{_ENDINGS})\b)", " dot "),
    # 1:1, 1-on-1, 2on2
    rule(r"(?<![\d:])1\s*(?:-?on-?|:)\s*1(?![\d:])", "one on one", ignore_case=True),
    rule(r"(?<![\w:])(\d{1,2})\s?-?on-?\s?(\d{1,2})(?![\d:])", r"\1 on \2", ignore_case=True),
    # #5, No. 5, #standup
    rule(r"#\s?(?=\d)|\bN[or]\.\s?(?=\d)", "number "),
    rule(r"(?<![\w#])#(?=[^\W\d_])", "hashtag "),
    rule(r"(?<!\w)w/(o?)(?!\w)\s*|(?<!\w)w/(?=\w)", _without_slash, ignore_case=True),
)


@cache
def abbreviations() -> tuple[Rule, ...]:
    """Return the rules for abbreviations."""
    titles, streets, short = tables().titles, tables().streets, tables().short
    spelled = "|".join(sorted(tables().spelled, key=len, reverse=True))
    spelled_out = rule(rf"\b({spelled})\b(?![-'’]?[a-z])", lambda match: " ".join(match[1]))
    return (
        # 221B Baker St
        rule(
            rf"(?<=\d)(\w?(?:\s[A-Z][a-z]+){{1,3}})\s({'|'.join(streets)})\b\.?",
            lambda match: f"{match[1]} {streets[match[2]]}",
        ),
        # 42nd St, Park Ave, Main St & Oak St
        rule(rf"(?<=\d[snrt][tdh])\s({'|'.join(streets)})\b\.?", lambda match: f" {streets[match[1]]}"),
        rule(r"(?<=[a-z])\s(Ave|Blvd|Rd|Ln|Hwy|Pkwy)\b\.?", lambda match: f" {streets[match[1]]}"),
        rule(r"\b([A-Z][a-z]+) St\b\.?(?=$|[,;)]|\s?[&@]|\s(?:and|at|to)\b)", r"\1 Street"),
        rule(rf"\b({'|'.join(titles)})\b\.?(?=\s(?:[A-Z]|and\b|&))", lambda match: titles[match[1]]),
        rule(
            rf"(?<![\w.])({'|'.join(map(re.escape, sorted(short, key=len, reverse=True)))})(?!\w)\.?",
            lambda match: short.get(match[1].lower()),
            ignore_case=True,
        ),
        # U.S., R.S.V.P.
        rule(r"(?<![\w.])(?![apAP]\.[mM])(?:[A-Z]\.){2,}", lambda match: match[0].replace(".", " ").strip()),
        rule(r"\b(FY)(?=\d)", "F Y "),
        # Louis XIV, Part II, World War II
        rule(rf"\b({_RULERS})\s{_NUMERAL}", _ruler),
        rule(rf"\b({_CHAPTERS})\s{_NUMERAL}", _numbered, ignore_case=True),
        # Not the IV of a hospital
        rule(rf"\b([A-Z][a-z]{{2,}})\s{_NUMERAL}(?!\s(?:drip|fluid|line|infusion|iron))", _numbered_if_clear),
        spelled_out,
    )
