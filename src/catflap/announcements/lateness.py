"""How late announcements are played, as a histogram."""

from datetime import timedelta

from catflap.store.counters import Count

# The upper bound of each range in seconds; what is later is in a last range of its own.
LATENESS_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0)
LATER = "+Inf"
_MILLISECOND = timedelta(milliseconds=1)


def count_lateness(count: Count, late: timedelta) -> None:
    """Count that an announcement was played so late; clocks of devices may be a little ahead."""
    seconds = max(0.0, late.total_seconds())
    count("announcement_lateness", next((str(one) for one in LATENESS_BOUNDS if seconds <= one), LATER))
    count("announcement_late_milliseconds", "", max(0, late // _MILLISECOND))
