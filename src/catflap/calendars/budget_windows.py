"""Count requests in windows of a few seconds, so that no sliding minute has more than a limit.

A permit is counted in the window in which it is used. A minute touches at most `COUNTED` windows, so their
sum is never less than the requests of the last minute.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

WINDOW_SECONDS = 3
COUNTED = 60 // WINDOW_SECONDS + 1


def window_of(at: datetime) -> int:
    """Return the number of the window in which `at` is."""
    return int(at.timestamp() // WINDOW_SECONDS)


def start_of(window: int) -> datetime:
    """Return when a window begins."""
    return datetime.fromtimestamp(window * WINDOW_SECONDS, UTC)


class Usage(NamedTuple):
    """The requests of one window; `polled` are those of `used` that were for periodic polling."""

    window: int
    used: int
    polled: int


@dataclass(frozen=True)
class Rule:
    """Whether one more request may follow those of the last minute.

    It may while there are fewer than `most`; also while there are fewer than `always_most`, of which fewer
    than `always` were for polling. With the latter, polling goes on slowly while others use up the budget.
    """

    most: int
    always: int = 0
    always_most: int = 0

    def allows(self, used: int, polled: int, n: int = 1) -> bool:
        """Return whether `n` requests may follow."""
        within = polled + n <= self.always and used + n <= self.always_most
        return used + n <= self.most or within

    def free_from(self, usages: Iterable[Usage], window: int) -> int:
        """Return the first window, from `window` on, in which one request is allowed if none comes before."""
        counted = sorted(one for one in usages if window - COUNTED < one.window < window + COUNTED)
        used, polled = sum(one.used for one in counted), sum(one.polled for one in counted)
        free = window
        for one in counted:
            if self.allows(used, polled):
                break
            used, polled = used - one.used, polled - one.polled
            free = one.window + COUNTED
        return free


class Priority(Enum):
    """What a request is for. The value is the part of the budget at which requests of the kind must wait."""

    POLL = 0.7
    """Periodic polling."""
    SYNC = 0.95
    """A push notification, a first sync, or a request for which a person waits."""
    WRITE = 1.0
    """An event that is written, or read to be written."""


# Polling goes on within this part when other requests use up the rest.
_ALWAYS_POLLED = 0.2


def rules(per_minute: int) -> Mapping[Priority, Rule]:
    """Return the rule of each priority for a limit."""

    def part(of_it: float) -> int:
        return max(1, int(per_minute * of_it))

    found = {priority: Rule(part(priority.value)) for priority in Priority}
    found[Priority.POLL] = Rule(part(Priority.POLL.value), part(_ALWAYS_POLLED), part(Priority.SYNC.value))
    return found


def polls_per_minute(per_minute: int) -> int:
    """Return how many requests of a project's limit periodic polling may use."""
    return rules(per_minute)[Priority.POLL].most


class UserCounts:
    """The requests of the last minute of each user, and of all; memory for users of the last minute only."""

    def __init__(self) -> None:
        # In the order of their last request.
        self._users: OrderedDict[int, list[Usage]] = OrderedDict()
        self._all: list[Usage] = []

    def of(self, user_id: int) -> Sequence[Usage]:
        """Return the counts of one user."""
        return self._users.get(user_id, ())

    def add(self, user_id: int, window: int, n: int, polled: int) -> None:
        """Count `n` requests of a user in a window; a negative number takes them back."""
        _add(self._all, window, n, polled)
        if n < 0:
            # Of an earlier window, perhaps, and of a user who was dropped meanwhile.
            _add(self._users.get(user_id, []), window, n, polled)
            return
        _add(self._users.setdefault(user_id, []), window, n, polled)
        self._users.move_to_end(user_id)
        while self._users:
            oldest, counts = next(iter(self._users.items()))
            if window - COUNTED < counts[-1].window < window + COUNTED:
                break
            del self._users[oldest]

    def polls_per_user(self, window: int) -> int:
        """Return how many polling requests each user of the last minute has had on average."""
        polled = sum(one.polled for one in self._all if window - COUNTED < one.window <= window)
        return polled // max(len(self._users), 1)

    def __len__(self) -> int:
        return len(self._users)


def _add(counts: list[Usage], window: int, n: int, polled: int) -> None:
    at = next((i for i, one in enumerate(counts) if one.window == window), None)
    if at is None:
        if n < 0:
            return
        # Those of a clock that was set back or forward are dropped too.
        counts[:] = [one for one in counts if window - COUNTED < one.window < window + COUNTED]
        counts.append(Usage(window, n, polled))
    else:
        old = counts[at]
        counts[at] = Usage(window, old.used + n, old.polled + polled)
