"""How often codes may be tried and asked for, counted for all processes (`catflap.store.shared_limits`).

The limits of wrong codes are chosen for six digits: with 100 devices that wait at a time, the 100 tries of an
hour find one of them in that hour with a probability of one percent, however many users try.
"""

from datetime import datetime, timedelta

from catflap.devices.pairing_codes import CodeKind
from catflap.store.shared_limits import SharedLimits, Use

# Wrong codes.
TRIES_WINDOW = timedelta(hours=1)
TRIES_PER_USER = 5
TRIES_PER_ADDRESS = 20
TRIES_TOGETHER: dict[CodeKind, int] = {"letters": 2000, "digits": 100}
# Codes that devices ask for, which bounds how many wait.
CODES_WINDOW = timedelta(minutes=10)
CODES_PER_ADDRESS = 30
CODES_TOGETHER: dict[CodeKind, int] = {"letters": 10_000, "digits": 1000}


class PairingLimits:
    """The limits of pairings."""

    def __init__(self, limits: SharedLimits) -> None:
        self._limits = limits

    async def count_try(self, user_id: int, address: str, kind: CodeKind, now: datetime) -> None:
        """Count a try of a code, before the code is looked up, so that concurrent ones can't exceed a limit.

        Raises:
            TryAgain: `rate_limited`, with the time to wait.
        """
        wait = "These were too many wrong codes; wait a while, then begin again at the device."
        await self._limits.count(_tries(user_id, address, kind), now, wait)

    async def give_back_try(self, user_id: int, address: str, kind: CodeKind) -> None:
        """Take back a try whose code was right."""
        await self._limits.give_back(_tries(user_id, address, kind))

    async def count_code(self, address: str, kind: CodeKind, now: datetime) -> None:
        """Count a code that a device asks for.

        Raises:
            TryAgain: `rate_limited`, with the time to wait.
        """
        uses = [
            Use("codes", address, CODES_PER_ADDRESS, CODES_WINDOW),
            Use(f"codes of {kind}", "", CODES_TOGETHER[kind], CODES_WINDOW),
        ]
        await self._limits.count(uses, now, "Too many devices ask for a code; try again later.")


def _tries(user_id: int, address: str, kind: CodeKind) -> list[Use]:
    return [
        Use("tries of a user", str(user_id), TRIES_PER_USER, TRIES_WINDOW),
        Use("tries", address, TRIES_PER_ADDRESS, TRIES_WINDOW),
        Use(f"tries of {kind}", "", TRIES_TOGETHER[kind], TRIES_WINDOW),
    ]
