"""In-process token bucket rate limiter."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from catflap.errors import TryAgain


class TokenBucket:
    """Allows `per_second` requests a second on average, and `burst` at once.

    Counts the requests of this process only.
    """

    per_second: float

    def __init__(
        self, per_second: float, burst: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second = per_second
        self._burst = max(burst, 1.0)
        self._monotonic = monotonic
        self._left = self._burst
        self._at = monotonic()

    def try_acquire(self) -> None:
        """Take a token now.

        Raises:
            TryAgain: `rate_limited`, with the time until a token is available.
        """
        if (wait := self._wait()) > 0:
            raise TryAgain(
                "rate_limited", "Too many requests; slow down a little.", after=timedelta(seconds=wait)
            )
        self._left -= 1

    async def acquire(self) -> None:
        """Wait for a token and take it; first come, first served."""
        wait = self._wait()
        self._left -= 1
        if wait > 0:
            await asyncio.sleep(wait)

    def _wait(self) -> float:
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        return max(0.0, (1 - self._left) / self.per_second)
