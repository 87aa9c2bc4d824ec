"""Generated recurrence rules: every rule part on days, weeks, months and years, and the times of a day."""

from hypothesis import strategies as st

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_HOURS, _SIXTY = range(24), range(60)


def some(values: range | tuple[str, ...] | list[int], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(
        lambda chosen: ",".join(map(str, chosen))
    )


@st.composite
def rules(draw: st.DrawFn, finest: str = "MINUTELY") -> str:
    """Rules that match something within a few years: dateutil walks to the year 9999 for the others.

    Args:
        draw: Hypothesis'.
        finest: `MINUTELY`, `HOURLY` or `DAILY`: no shorter period, and for `DAILY` no times of a day.
    """
    frequencies = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]
    frequency = draw(st.sampled_from(frequencies[: frequencies.index(finest) + 1]))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.sampled_from([1, 1, 2, 5, 11])))}
    if frequency in ("YEARLY", "MONTHLY"):
        parts |= draw(_days_of_long_periods(frequency))
    else:
        parts |= draw(_optional({"BYDAY": some(DAYS), "BYMONTH": some(range(1, 13), 6)}))
    if finest != "DAILY":
        parts |= draw(_optional({"BYHOUR": some(_HOURS), "BYMINUTE": some(_SIXTY)}))
    if frequency == "WEEKLY" and "," in parts.get("BYDAY", "") and draw(st.booleans()):
        # dateutil leaves the days before DTSTART out of the first week, but "a set of recurrence instances
        # starts at the beginning of the interval" (RFC 5545, 3.3.10): from the end both count the same.
        parts["BYSETPOS"] = "-1"
    parts |= draw(_optional({"WKST": st.sampled_from(DAYS), "COUNT": st.integers(1, 60).map(str)}))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _optional(parts: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=parts)


@st.composite
def _days_of_long_periods(draw: st.DrawFn, frequency: str) -> dict[str, str]:
    numbered = st.builds(
        str.__add__, st.sampled_from(["1", "+2", "4", "5", "-1", "-3"]), st.sampled_from(DAYS)
    )
    several = st.lists(numbered, min_size=1, max_size=3, unique=True).map(",".join)
    month_days = some([*range(1, 29), *range(-28, 0)])
    kinds: dict[str, dict[str, st.SearchStrategy[str]]] = {
        "nothing": {},
        "weekdays": {"BYDAY": some(DAYS)},
        "numbered weekdays": {"BYDAY": several},
        "days of the month": {"BYMONTHDAY": month_days},
        "days of some months": {"BYMONTHDAY": some([29, 30, 31, -29, -30, -31])},
        "a weekday on a date": {"BYDAY": some(DAYS, 2), "BYMONTHDAY": some(range(1, 29), 5)},
    }
    if frequency == "YEARLY":
        kinds["days of the year"] = {"BYYEARDAY": some([*range(1, 367), *range(-366, 0)])}
        kinds["weeks"] = {"BYWEEKNO": some([*range(1, 54), *range(-53, 0)])}
        kinds["weekdays of weeks"] = kinds["weeks"] | {"BYDAY": some(DAYS)}
    kind = draw(st.sampled_from(sorted(kinds)))
    parts = draw(st.fixed_dictionaries(kinds[kind]))
    if kind in ("nothing", "weekdays", "numbered weekdays", "days of the month") and draw(st.booleans()):
        parts["BYMONTH"] = draw(some(range(1, 13), 6))
    if draw(st.booleans()):
        more = ["2", "1,-2"] if kind == "weekdays" else []
        parts["BYSETPOS"] = draw(st.sampled_from(["1", "-1", "1,-1", *more]))
    return parts
