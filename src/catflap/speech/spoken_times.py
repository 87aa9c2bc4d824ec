"""Format times, dates and durations for display and speech, in Japanese and English.

Without a locale library: CLDR has U+202F in English times and a space in Japanese durations, which the
engines misread. How times are said is in `clock_words`.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from catflap.speech.clock_words import clock_en, clock_ja, part_of_day, span_en, span_ja
from catflap.speech.language import Language

_WEEKDAYS_JA = "月火水木金土日"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_HOUR, _DAY = 60, 24 * 60
_PART_OF_TODAY = {
    "morning": " this morning",
    "afternoon": " this afternoon",
    "evening": " this evening",
    "night": " tonight",
}


@dataclass(frozen=True)
class TextPair:
    """One text in two spellings: to display and to speak."""

    display: str
    spoken: str

    def capitalised(self) -> "TextPair":
        """Return it with a capital, for the start of a sentence."""
        return TextPair(
            self.display[:1].upper() + self.display[1:], self.spoken[:1].upper() + self.spoken[1:]
        )


def format_time(moment: datetime, today: date, language: Language, soon: bool = False) -> TextPair:
    """Return a time of day in the zone of `moment`, with its day unless that is `today`.

    Args:
        moment: The time.
        today: The day on which it is said.
        language: Of the text.
        soon: Whether it is so near that nobody asks whether it is in the morning or in the afternoon.
    """
    day = format_day(moment.date(), today, language)
    is_today = moment.date() == today
    if language == "ja":
        words = format_clock(moment, language)
        if is_today:
            return words
        return TextPair(f"{day.display}の{words.display}", f"{day.spoken}の{words.spoken}")
    shown, spoken = _shown_clock(moment), clock_en(moment.time())
    part = part_of_day(moment.time())
    if is_today:
        return TextPair(shown, spoken if soon or not part else spoken + _PART_OF_TODAY[part])
    if moment.date() - today == timedelta(days=1):
        if moment.time() == time():
            # "midnight tomorrow" is understood as the end of tomorrow.
            midnight = "midnight" if soon else "midnight tonight"
            return TextPair(midnight, midnight)
        return TextPair(f"{shown} tomorrow", f"{spoken} tomorrow {part}".rstrip())
    words = format_clock(moment, language)
    return TextPair(f"{words.display} on {day.display}", f"{words.spoken} on {day.spoken}")


def format_clock(moment: datetime, language: Language, with_part: bool = True) -> TextPair:
    """Return a time of day whose day has been named, such as "half past three in the afternoon".

    Args:
        moment: The time.
        language: Of the text.
        with_part: Whether an English text has the part of the day, which a list need not repeat.
    """
    if language == "ja":
        return TextPair(f"{moment.hour}:{moment.minute:02}", clock_ja(moment.time()))
    part = part_of_day(moment.time()) if with_part else ""
    of_the_day = f" {'at' if part == 'night' else 'in the'} {part}" if part else ""
    return TextPair(_shown_clock(moment), clock_en(moment.time()) + of_the_day)


def format_end(moment: datetime, today: date, language: Language) -> TextPair:
    """Return an end time; from the day after tomorrow on without the time of day."""
    day = moment.date()
    ahead = (day - today).days
    if ahead == 1 and moment.time() == time() and language == "en":
        return TextPair("midnight", "midnight")
    if ahead < 2:
        return format_time(moment, today, language)
    if ahead < 7:
        weekday = f"{_WEEKDAYS_JA[day.weekday()]}曜日" if language == "ja" else _WEEKDAYS[day.weekday()]
        return TextPair(weekday, weekday)
    if language == "ja":
        return TextPair(f"{day.month}月{day.day}日", f"{day.month}月{day.day}日")
    words = f"{_MONTHS[day.month - 1]} {day.day}"
    return TextPair(words, words + _ordinal(day.day))


def format_day(day: date, today: date, language: Language) -> TextPair:
    """Return "today", "tomorrow" or the date."""
    ahead = (day - today).days
    if ahead not in (0, 1):
        return format_date(day, language)
    word = ("今日", "明日")[ahead] if language == "ja" else ("today", "tomorrow")[ahead]
    return TextPair(word, word)


def format_date(day: date, language: Language) -> TextPair:
    """Return month, day and weekday."""
    if language == "ja":
        weekday = _WEEKDAYS_JA[day.weekday()]
        return TextPair(f"{day.month}月{day.day}日({weekday})", f"{day.month}月{day.day}日、{weekday}曜日")
    words = f"{_WEEKDAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}"
    return TextPair(words, words + _ordinal(day.day))


def format_duration(minutes: int, language: Language) -> TextPair:
    """Return a duration in days, hours and minutes; from a day on without minutes."""
    days, rest = divmod(minutes, _DAY)
    hours, rest = divmod(rest, _HOUR)
    parts = [(days, "日", "day"), (hours, "時間", "hour"), (0 if days else rest, "分", "minute")]
    if language == "ja":
        words = ("と" if days else "").join(f"{number}{unit}" for number, unit, _ in parts if number)
        return TextPair(words, words if days else span_ja(minutes))
    words = " and ".join(_counted(number, unit) for number, _, unit in parts if number)
    return TextPair(words, words if days else span_en(minutes))


def _shown_clock(moment: datetime) -> str:
    if (moment.hour, moment.minute) in ((0, 0), (12, 0)):
        return "noon" if moment.hour else "midnight"
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {'pm' if moment.hour >= 12 else 'am'}"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _ordinal(number: int) -> str:
    if number in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
