"""How late announcements are played, as a histogram."""

from datetime import timedelta

from catflap.store.counters import Count

# The upper bound of each range in seconds; what is later is in a last range of its own.
LATENESS_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0)
LATER = "+Inf"
# Devices tell the time themselves: one whose clock is wrong by years must not be all of the sum.
_LONGEST = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)


def count_lateness(count: Count, late: timedelta) -> None:
    """Count that an announcement was played so late: none to an hour, as devices may have wrong clocks."""
    late = min(max(timedelta(0), late), _LONGEST)
    seconds = late.total_seconds()
    count("announcement_lateness", next((str(one) for one in LATENESS_BOUNDS if seconds <= one), LATER))
    count("announcement_late_milliseconds", "", late // _MILLISECOND)
