"""Rules for dates, weekday characters and times of day in Japanese titles.

12/25 is a date and 25/12 one too; 1/2 is one unless what follows can only be a part of something (成人式).
"""

import re
from calendar import monthrange
from datetime import time

from catflap.speech.clock_words import clock_ja
from catflap.speech.rules import Rule, rule

_TO = r"\s*[-~〜~–—]\s*"
_DAYS = "月火水木金土日"
_ENGLISH_DAYS = {"mon": "月", "tue": "火", "wed": "水", "thu": "木", "fri": "金", "sat": "土", "sun": "日"}
_ERAS = {"R": "令和", "H": "平成", "S": "昭和"}
# After 1/2 and the like these make it a part: 1/2成人式, 1/2日, 1/3カット.
_PARTS = (
    r"成人式|量|サイズ|スケール|縮尺|カット|個|杯|倍|価格|オフ|の確率|の量|の大きさ|の値段|に減|に短縮|"
    r"日(?!程|時|記)|時間(?!割)|カップ(?!戦|決勝|ル|麺|ラーメン)|以上|以下|未満|枚|丁(?!目)|玉|束|缶|袋|切れ|"
    r"ページ|スティック|本(?!番|日|社|格|試|会|部|店)"
)
# Where a word follows that could be taken for a part of the date: 7/7七夕 is not 日七夕.
_NEXT_WORD = r"(?=[一-龠々])(?![付前後間頃号版発着以曜中迄])"
_RATIO = r"(?:ratio|odds|score|scale|aspect|比率|比|倍率|縮尺|スケール|オッズ|スコア)"
_HALVES = {"am": "午前", "pm": "午後"}
_AM_PM = r"([AaPp])\.?[Mm]\.?"


def _date(month: int, day: int, year: str = "") -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]):
        return None
    return f"{year}年{month}月{day}日" if year else f"{month}月{day}日"


def _year_first(match: re.Match[str]) -> str | None:
    words = _date(int(match[3]), int(match[4]), match[1])
    return words and words + ("、" if match[5] else "")


def _year_last(match: re.Match[str]) -> str | None:
    first, second = int(match[1]), int(match[3])
    return _date(first, second, match[4]) or _date(second, first, match[4])


def _era(match: re.Match[str]) -> str | None:
    words = _date(int(match[3]), int(match[4]), str(int(match[2])))
    return words and _ERAS[match[1]] + words


def _slashed(match: re.Match[str]) -> str:
    a, b = int(match["a"]), int(match["b"])
    bracketed = match["open"] and match["close"]
    if (a, b) == (24, 7):
        words: str | None = "トゥエンティーフォーセブン"
    elif (a, b) == (24, 365):
        words = "24時間365日"
    elif match["points"]:
        return f"{match['open'] or ''}{b}点中{a}点"
    elif a < b and (bracketed or match["part"] is not None or match["spoon"] is not None):
        words = f"{b}分の{a}"
    elif words := _date(a, b) or _date(b, a):
        words += "" if match["word"] is None else "、"
    else:
        words = f"{b}分の{a}"
    return f"{match['open'] or ''}{words}{match['close'] or ''}"


def _weekday(match: re.Match[str]) -> str:
    day = match[1]
    day = _ENGLISH_DAYS.get(day[:3].lower(), day)
    return f"{day}曜日" + ("、祝日" if match[2] else "")


def _halved(before: str, hour: int, minute: int) -> str | None:
    """Return a time with its half: 12am is 0時, 12pm is 正午."""
    if hour > 24 or minute > 59:
        return None
    if hour == 12:
        is_pm = before.lower() == "p"
        return clock_ja(time(12 if is_pm else 0, minute))
    half = _HALVES[before.lower() + "m"]
    return f"{half if hour < 12 else ''}{_time(hour, minute)}"


def _half_first(match: re.Match[str]) -> str | None:
    return _halved(match[1], int(match[2]), int(match[3] or 0))


def _half_last(match: re.Match[str]) -> str | None:
    return _halved(match[3], int(match[1]), int(match[2] or 0))


def _of_the_day(match: re.Match[str]) -> str | None:
    hour, minute = int(match[1]), int(match[2])
    # Late programmes and bars count on past midnight: 25:30.
    return _time(hour, minute) if hour < 30 else None


def _time(hour: int, minute: int) -> str:
    if minute == 30:
        return f"{hour}時半"
    return f"{hour}時{minute}分" if minute else f"{hour}時"


DATES: tuple[Rule, ...] = (
    rule(r"(?<![\d.-])([12]\d{3})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)(T(?=\d))?", _year_first),
    rule(r"(?<![\w.-])([RHS])(\d{1,2})[./-](\d{1,2})[./-](\d{1,2})(?!\d)", _era),
    rule(r"(?<![\d./-])(\d{1,2})([/.-])(\d{1,2})\2([12]\d{3})(?!\d)", _year_last),
    rule(
        r"(?<![\d./-])(\d{2})/(\d{1,2})/(\d{1,2})(?![\d/])",
        lambda m: _date(int(m[2]), int(m[3]), f"20{m[1]}"),
    ),
    rule(r"'(\d{2})[/.](\d{1,2})[/.](\d{1,2})(?!\d)", lambda m: _date(int(m[2]), int(m[3]), f"20{m[1]}")),
    rule(
        r"(?<![\d./-])((?:19|20)\d\d)[-/](0?[1-9]|1[0-2])(?![\d/-])",
        lambda match: f"{match[1]}年{int(match[2])}月",
    ),
    # 12/5,12/6; 12/5,6; 12/5,10時
    rule(r"(?:(?<=\d/\d)|(?<=\d/\d\d))[,・](?=\d{1,2}(?!\d))", "、"),
    rule(
        rf"(?P<open>\()?(?P<spoon>(?<=さじ))?(?<![\d/.,])(?P<a>\d{{1,3}})/(?P<b>\d{{1,5}})(?![\d/]|[.,]\d)(?P<points>点)?"
        rf"(?P<close>\))?(?P<part>(?={_PARTS}))?(?P<word>{_NEXT_WORD})?",
        _slashed,
    ),
    # 12月5日、6
    rule(r"(?:(?<=月\d日、)|(?<=月\d\d日、))(\d{1,2})(?![\d:.,時月分/日人])", r"\1日"),
    # 12月25日〜28, 25-28日
    rule(rf"(?<=日){_TO}(\d{{1,2}})(?![\d:時月分/日.])", r"から\1日"),
    # 25日(金), (土・祝), 12月25日(Fri), 金)
    rule(
        rf"(?<=日)\s?[(\[]\s?([{_DAYS}]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?)(?:曜日?)?([・.,、]?祝日?)?\s?[)\]]",
        _weekday,
        ignore_case=True,
    ),
    rule(r"(?<=日)\s?[(\[]祝日?[)\]]", "、祝日、"),
    rule(rf"(?<=毎週)\s?\(([{_DAYS}])\)()", _weekday),
    # 月〜金, 月・水・金
    rule(rf"(?<![{_DAYS}\w])([{_DAYS}]){_TO}([{_DAYS}])(?![{_DAYS}\w]|曜)", r"\1曜から\2曜"),
)

TIMES: tuple[Rule, ...] = (
    # Odds 10:11, 比率3:30
    rule(rf"({_RATIO}\s?:?\s?)(\d{{1,3}}):(\d{{1,3}})(?![\d:])", r"\1\2対\3", ignore_case=True),
    # 9-10am, 3-4:45pm
    rule(
        rf"(?<![\d:.])(\d{{1,2}}){_TO}(?=\d{{1,2}}(?:[:.][0-5]\d)?\s?[ap]\.?m(?![A-Za-z]))",
        r"\1時から",
        ignore_case=True,
    ),
    rule(rf"(?<![A-Za-z])noon{_TO}(?=\d)", "正午から", ignore_case=True),
    rule(rf"(?<=[\dAaPpMm.]){_TO}noon(?![A-Za-z])", "から正午", ignore_case=True),
    # 17h, 17h30; 2h and 1h30 are durations
    rule(
        r"(?<![A-Za-z\d.:])(1[3-9]|2[0-3])h([0-5]\d)?(?![A-Za-z0-9])",
        lambda m: _time(int(m[1]), int(m[2] or 0)),
    ),
    # AM10:30, pm3時, 10:30am, 3 pm
    rule(rf"(?<![A-Za-z]){_AM_PM}\s?(\d{{1,2}})(?::([0-5]\d)|時)?(?![\d:])", _half_first),
    rule(rf"(?<![\d:.])(\d{{1,2}})(?:[:.]([0-5]\d))?\s?{_AM_PM}(?![A-Za-z])", _half_last),
    rule(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?::[0-5]\d)?(?![\d:])", _of_the_day),
    # 9-17時
    rule(r"(?<![\d:.月日/-])(\d{1,2})\s?[-~〜–]\s?(?=\d{1,2}時(?!間))", r"\1時から"),
    # 2:1 is a score or a scale
    rule(r"(?<![\d:.])(\d{1,3}):(\d{1,3})(?![\d:])", r"\1対\2"),
    rule(r"(?<!\d)0+時(?!間)", "レイジ"),
    # 14時〜, 10:00-, 〜18時
    rule(r"(?<=[時分半日名人円])\s?[~〜](?=$|\s|[)」、])|(?<=[時分半])\s?[-–](?=$|\s|[)」、])", "から"),
    rule(
        r"(?<![\w)」])[~〜]\s?(\d{1,2}時(?:\d{1,2}分|半)?|\d{1,2}月\d{1,2}日|\d+(?:日|名|人|円))", r"\1まで"
    ),
)
