"""Circuit breaker for Google's token endpoint: stop requests while Google fails or rejects our OAuth client.

One circuit per OAuth client and process. While it is open, one caller at a time probes Google. Failures of a
single grant never open it: they are limited by the pause in that grant's row.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from catflap.errors import OperatorMustAct, TryAgain

_FAILURE_THRESHOLD = 5
_MAX_OPEN_SECONDS = 8.0
_REJECTED_OPEN_SECONDS = 30.0


def unavailable(after: timedelta, detail: str | None = None) -> TryAgain:
    """Build the error for a Google that does not answer."""
    return TryAgain(
        "google_unavailable",
        "Google does not answer right now; please try again in a moment.",
        after=after,
        detail=detail,
    )


class CircuitBreaker:
    """Opens after failures of several grants in a row; half-open after a pause, for one caller."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures = 0
        self._failing: set[int] = set()
        self._open_until = 0.0
        self._rejected: OperatorMustAct | None = None

    def check(self) -> None:
        """Check that the circuit is closed or half-open.

        Raises:
            TryAgain: `google_unavailable`, with the time until the next try.
            OperatorMustAct: the error with which Google last rejected our client.
        """
        left = self._open_until - self._monotonic()
        if self.is_blocking:
            if self._rejected is not None:
                raise OperatorMustAct(self._rejected.code, self._rejected.message, logged=True)
            raise unavailable(timedelta(seconds=left), "circuit open")

    def acquire(self) -> None:
        """Enter the circuit; the caller must then record success, failure or rejection. Raises as `check`."""
        self.check()
        if self._is_open or self._rejected is not None:
            # Half-open: this caller is the probe, the others wait for its result.
            self._open_until = self._monotonic() + _MAX_OPEN_SECONDS

    def record_success(self) -> bool:
        """Record a success and close the circuit; return whether our client was rejected before."""
        was_rejected = self._rejected is not None
        self._failures, self._failing, self._open_until, self._rejected = 0, set(), 0.0, None
        return was_rejected

    def record_failure(self, grant_id: int) -> None:
        """Record a failed or malformed response about this grant."""
        if not self._is_open:
            self._failing.add(grant_id)
        self._rejected = None
        if self._is_open:
            pause = min(_MAX_OPEN_SECONDS, 2.0 ** min(self._failures, 10))
            self._failures += 1
            self._open_until = self._monotonic() + pause * self._jitter(0.5, 1.0)

    def record_rejection(self, error: OperatorMustAct) -> bool:
        """Record that Google rejected our OAuth client; return whether it was accepted before."""
        is_new = self._rejected is None
        self._rejected = error
        self._open_until = self._monotonic() + _REJECTED_OPEN_SECONDS
        return is_new

    @property
    def is_blocking(self) -> bool:
        """Whether `check` raises now."""
        return self._open_until > self._monotonic()

    @property
    def _is_open(self) -> bool:
        return len(self._failing) >= _FAILURE_THRESHOLD
