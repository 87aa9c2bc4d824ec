"""Rate limits of sign-ins: for each client address, and for all addresses together.

Sign-ins begin without authentication, so they are the first target of a flood. Limits are counted in this
process only, and in bounded memory: the addresses that were seen least recently are forgotten.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Collection

from starlette.requests import HTTPConnection

from catflap.errors import TryAgain
from catflap.log import log
from catflap.vault.rate_limit import TokenBucket

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST_ADDRESSES = 10_000
# The limit of all addresses together, in multiples of that of one.
_TOGETHER = 5
_MOST_HOPS = 20
# Of one user, texts to say and repeats; five at once.
SAYS_PER_MINUTE = 10
SAYS_TOGETHER = 500
# Of one user: one for each change on the page, also while a slider moves.
PREVIEWS_PER_MINUTE = 120
PREVIEWS_TOGETHER = 50
# Of one user, examples of voices that are not there yet; ten at once.
SAMPLES_PER_MINUTE = 20
SAMPLES_TOGETHER = 20
_LOG_EVERY_SECONDS = 60.0


class Limit:
    """At most `per_minute` requests of one address, half of them at once; `together` times that of all."""

    def __init__(
        self,
        name: str,
        per_minute: int,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        together: int = _TOGETHER,
    ) -> None:
        self._name = name
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._together = self._bucket(together)
        self._logged_at = -_LOG_EVERY_SECONDS

    def check(self, address: str) -> None:
        """Count one request of `address`, or of another caller that is limited.

        Raises:
            TryAgain: `rate_limited`, with the time to wait.
        """
        bucket = self._buckets.pop(address, None) or self._bucket(1)
        self._buckets[address] = bucket
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        try:
            bucket.try_acquire()
            self._together.try_acquire()
        except TryAgain:
            if self._monotonic() - self._logged_at >= _LOG_EVERY_SECONDS:
                self._logged_at = self._monotonic()
                log.warning("rate_limited", what=self._name)
            raise

    def _bucket(self, times: int) -> TokenBucket:
        return TokenBucket(times * self._per_minute / 60, times * self._per_minute / 2, self._monotonic)


class SignInLimits:
    """The limits of each step of signing in, and of devices that ask for a code or whether they were claimed.

    Separate, so that new sign-ins can't block those that return.
    """

    def __init__(
        self,
        per_minute: int,
        trusted_proxies: Collection[Network] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted = tuple(trusted_proxies)
        self.begins = Limit("signin_begins", per_minute, monotonic)
        self.returns = Limit("signin_returns", per_minute, monotonic)
        self.codes = Limit("signin_codes", per_minute, monotonic)
        self.pairings = Limit("pairings", per_minute, monotonic)

    def address(self, request: HTTPConnection) -> str:
        """Return the address that a request is counted for; see `counted_address`."""
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))
        return counted_address(peer, forwarded, self._trusted)


def counted_address(peer: str, forwarded: str, trusted: Collection[Network]) -> str:
    """Return the address that a client is counted by: its IPv4 address, or the /64 of its IPv6 address.

    Args:
        peer: address of the TCP peer.
        forwarded: `X-Forwarded-For`. Clients can forge it, so only what trusted proxies added counts: from
            the right, up to the first address that is not trusted.
        trusted: networks of the operator's own proxies.
    """
    found = _parsed(peer)
    if trusted and (found is None or _within(found, trusted)):
        for hop in reversed(forwarded.split(",")[-_MOST_HOPS:]):
            address = _parsed(hop)
            if address is None:
                break
            found = address
            if not _within(address, trusted):
                break
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found) if found is not None else "unknown"


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse one hop, which some proxies write with a port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
