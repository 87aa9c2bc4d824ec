"""Say times of day and durations as a person does: 午後3時半, "half past three", "a quarter of an hour".

Our own rules: CLDR, and with it babel and ICU, has 午後3:30 and "3:30 PM" only, which recognisers hear as
"free thirty", and no word for half an hour.
"""

from datetime import time

_HOURS = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_STEPS = {5: "five", 10: "ten", 15: "quarter", 20: "twenty", 25: "twenty-five"}
_HALF = 30


def clock_ja(at: time) -> str:
    """Return a time of day, such as 午後3時半."""
    minute = "半" if at.minute == _HALF else f"{at.minute}分" if at.minute else ""
    if (at.hour, minute) == (12, ""):
        return "正午"
    if at.hour == 12:
        # 午後0時 is what stations say, and 午後12時 is not clear.
        return f"12時{minute}"
    hour = f"{at.hour % 12}時" if at.hour % 12 else "レイジ"
    return f"{'午前' if at.hour < 12 else '午後'}{hour}{minute}"


def clock_en(at: time) -> str:
    """Return a time of day without its half, such as "half past three"; midnight and noon by name."""
    if not at.minute:
        return _hour_name(at.hour) if at.hour % 12 == 0 else f"{_HOURS[at.hour % 12]} o'clock"
    if at.minute == _HALF:
        return f"half past {_past(at.hour)}"
    if at.minute < _HALF:
        return f"{_minutes(at.minute)} past {_past(at.hour)}"
    return f"{_minutes(60 - at.minute)} to {_past((at.hour + 1) % 24)}"


def part_of_day(at: time) -> str:
    """Return the part of the day that a time is in; "" for one that its name makes clear."""
    if "noon" in clock_en(at) or "midnight" in clock_en(at):
        return ""
    if at.hour < 12:
        return "morning"
    return "afternoon" if at.hour < 17 else "evening" if at.hour < 21 else "night"


def span_ja(minutes: int) -> str:
    """Return a duration of less than a day, such as 2時間半."""
    hours, rest = divmod(minutes, 60)
    if hours and rest == _HALF:
        return f"{hours}時間半"
    return (f"{hours}時間" if hours else "") + (f"{rest}分" if rest or not hours else "")


def span_en(minutes: int) -> str:
    """Return a duration of less than a day, such as "a quarter of an hour"."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        named = {1: "one minute", 15: "a quarter of an hour", 30: "half an hour"}
        return named.get(rest, f"{rest} minutes")
    if part := {15: "a quarter", _HALF: "a half"}.get(rest):
        return f"an hour and {part}" if hours == 1 else f"{_number(hours)} and {part} hours"
    whole = "an hour" if hours == 1 else f"{_number(hours)} hours"
    return f"{whole} and {span_en(rest)}" if rest else whole


def _past(hour: int) -> str:
    return "midnight" if hour == 0 else _HOURS[hour % 12]


def _hour_name(hour: int) -> str:
    return "noon" if hour else "midnight"


def _minutes(number: int) -> str:
    if number in _STEPS:
        return _STEPS[number]
    return "one minute" if number == 1 else f"{number} minutes"


def _number(hours: int) -> str:
    return "twelve" if hours == 12 else _HOURS[hours] if hours < 12 else str(hours)
