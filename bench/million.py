"""One million users on paper: jobs a second, cores and Google's quota, from the measures of `make bench`.

Measures nothing itself. What users do is assumed (`ASSUMED`); what it costs is read from bench/results, so
the figures are linear extrapolations of one machine's.
"""

from typing import Any

from bench import records

USERS = 1_000_000
ASSUMED = {
    "selected calendars of a user": 2,
    "changes of a user's calendars on a working day": 5,
    "hours in which they are made": 8,
    "rate of the busiest minute, of the average": 3,
    "announcements of a user and day": 5,
}
# A channel is renewed when less than a quarter of its seven days is left, and the old one is stopped.
_CHANNEL_SECONDS = 0.75 * 7 * 86_400
_QUOTA, _POLLS = 10_000, 7_000
_HOUR = 3600


def model() -> dict[str, Any]:
    """Return the rows of the model.

    Raises:
        KeyError: a measure that it needs has no result.
    """
    polled = records.read("fresh")["polled"]["rows"]
    pushed = records.read("fresh")["pushed"]["rows"]
    calendars = USERS * ASSUMED["selected calendars of a user"]
    changes = USERS * ASSUMED["changes of a user's calendars on a working day"]
    average = changes / (ASSUMED["hours in which they are made"] * _HOUR)
    busiest = average * ASSUMED["rate of the busiest minute, of the average"]
    channels = calendars + USERS
    watches = channels / _CHANNEL_SECONDS
    per_change = {name: pushed[f"cores, {name}"] / pushed["changes a second"] for name in _PARTS}
    hours = calendars / _POLLS / 60
    polls = calendars / (hours * _HOUR)
    syncs = polled["accounts"] / 300
    return {
        **{f"assumed: {what}": value for what, value in ASSUMED.items()},
        "changes a second, average": round(average),
        "changes a second, busiest minute": round(busiest),
        **{
            f"cores of {name} in the busiest minute": round(busiest * cost, 1)
            for name, cost in per_change.items()
        },
        "push channels opened a second": round(watches, 1),
        "requests a minute for changes, average": round(average * 60),
        "requests a minute for changes, busiest minute": round(busiest * 60),
        "requests a minute to open and stop channels": round(2 * watches * 60),
        f"hours between two polls of a calendar, with {_POLLS:,} polls a minute": round(hours, 1),
        "cores of workers and PostgreSQL to poll": round(
            polls * (polled["cores, worker"] + polled["cores, PostgreSQL"]) / syncs, 2
        ),
        f"times Google's default quota of {_QUOTA:,} a minute, average": round(
            (average * 60 + 2 * watches * 60 + _POLLS) / _QUOTA, 1
        ),
        "times that quota, busiest minute": round((busiest * 60 + 2 * watches * 60) / _QUOTA, 1),
        "users whose changes fit into that quota in the busiest minute": int(
            USERS * (0.95 * _QUOTA / 60) / (busiest + 2 * watches) // 1000 * 1000
        ),
        "access tokens refreshed a second, at most": round(USERS / _HOUR),
        "announcements a second, average": round(USERS * ASSUMED["announcements of a user and day"] / 86_400),
        "database, GB": round(USERS * polled["database, KB an account"] / 1024**2),
    }


_PARTS = ("serve", "work", "PostgreSQL")
