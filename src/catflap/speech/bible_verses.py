"""Rules for places in the Bible, such as John 3:16, which are neither times nor ratios.

They come before all other rules, for 1:1 would be "one on one".
"""

import re
from collections.abc import Callable
from functools import cache

from catflap.speech.english_data import tables
from catflap.speech.rules import Rule, rule

_STUDY = re.compile(
    r"\b(?:bible|sermon|verses?|devotions?|scripture|stud(?:y|ies)|group)\b|聖書|礼拝|説教|黙想|みことば|学び",
    re.IGNORECASE,
)
_PLACE = (
    r"(?P<chapter>\d{1,3}):(?P<verse>\d{1,3})(?:\s?[-–—~〜]\s?(?P<last>\d{1,3}))?"
    r"(?![\d:]|\s?[ap]\.?m(?![A-Za-z]))"
)
_JAPANESE_BOOKS = (
    "創世記|出エジプト記|レビ記|民数記|申命記|ヨシュア記|士師記|ルツ記|サムエル記[上下]?|列王[記紀][上下]?|歴代誌[上下]?|エズラ記|"
    "ネヘミヤ記|エステル記|ヨブ記|詩[篇編]|箴言|伝道者の書|コヘレトの言葉|雅歌|イザヤ書?|エレミヤ書?|哀歌|エゼキエル書?|ダニエル書|"
    "ホセア書|ヨエル書|アモス書|オバデヤ書|ヨナ書|ミカ書|ナホム書|ハバクク書|ゼファニヤ書|ハガイ書|ゼカリヤ書|マラキ書|使徒言行録|"
    "使徒の働き|黙示録|(?:マタイ|マルコ|ルカ|ヨハネ)(?:伝|の?福音書?|の?黙示録)|ヨハネ第?[一二三123]|"
    "(?:ローマ|コリント|ガラテヤ|エペソ|エフェソ|ピリピ|フィリピ|コロサイ|テサロニケ|テモテ|テトス|ピレモン|フィレモン|ヘブル|ヘブライ|"
    "ヤコブ|ペテロ|ペトロ|ユダ)(?:人?への(?:第?[一二12]の?)?手紙[一二12]?|第?[一二](?:の手紙)?|の手紙[一二12]?|書)"
)
_JAPANESE_NAMES = "マタイ|マルコ|ルカ|ヨハネ"


@cache
def verses_en() -> tuple[Rule, ...]:
    """Return the rules for English: "John 3 verse 16"."""
    return (_latin(_say_en),)


@cache
def verses_ja() -> tuple[Rule, ...]:
    """Return the rules for Japanese: ヨハネ3章16節."""
    japanese = rf"(?P<book>{_JAPANESE_BOOKS}|(?P<name>{_JAPANESE_NAMES}))\s?{_PLACE}"
    return (_latin(_say_ja), rule(japanese, lambda match: _say_ja(match) if _is_verse(match) else None))


def _latin(say: Callable[[re.Match[str]], str]) -> Rule:
    books, names = ("|".join(sorted(one, key=len, reverse=True)) for one in (tables().books, tables().names))
    book = rf"(?P<book>(?:[1-3]\s?)(?:{books}|{names})|(?:{books})|(?P<name>{names}))"
    return rule(
        rf"(?<![A-Za-z\d]){book}\.?\s{_PLACE}",
        lambda match: say(match) if _is_verse(match) else None,
        ignore_case=True,
    )


def _is_verse(match: re.Match[str]) -> bool:
    """Return whether it is rather a verse than a time, or a one-on-one, with somebody of that name."""
    if match["name"] is None or match["last"] or _STUDY.search(match.string):
        return True
    chapter, verse = int(match["chapter"]), match["verse"]
    is_time = chapter <= 24 and len(verse) == 2 and int(verse) <= 59 and int(verse) % 5 == 0
    return not is_time and (chapter, verse) != (1, "1")


def _say_en(match: re.Match[str]) -> str:
    verse, last = match["verse"], match["last"]
    return f"{match['book']} {match['chapter']} " + (
        f"verses {verse} to {last}" if last else f"verse {verse}"
    )


def _say_ja(match: re.Match[str]) -> str:
    last = match["last"]
    verses = f"{match['verse']}から{last}節" if last else f"{match['verse']}節"
    return f"{match['book']}{match['chapter']}章{verses}"
