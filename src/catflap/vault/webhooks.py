"""Webhooks: signed POST requests about grants and calendars, as Standard Webhooks defines them.

Only https, and only to public addresses. The address is checked when the request is sent and then connected
to directly, which prevents DNS rebinding. No redirects are followed.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
from sqlalchemy import Row, delete, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.errors import BadRequest, CatflapError, OperatorMustAct
from catflap.log import log
from catflap.store.counters import Count, count_nothing
from catflap.store.notify import announce_change
from catflap.store.row_mapping import from_row
from catflap.store.task_types import WEBHOOKS_TOPIC
from catflap.store.vault_tables import webhook_deliveries as d
from catflap.store.vault_tables import webhooks as t
from catflap.vault.encryption import AssociatedData, TokenCipher
from catflap.vault.outbox import CALENDAR_CHANGED, EVENTS, GRANT_EVENTS

# The retry schedule that Standard Webhooks proposes; after the last attempt a delivery is given up.
_AGAIN = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
_FEW = 50
_CLAIM = timedelta(minutes=1)
_TIMEOUT_SECONDS = 15.0
_PREFIX = "whsec_"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[Address]]]


@dataclass(frozen=True)
class Webhook:
    """A subscription: URL, events and signing secret."""

    id: int
    url: str
    events: frozenset[str]
    created_at: datetime
    _secret: bytes = field(repr=False)


async def resolve(host: str, port: int) -> list[Address]:
    """Resolve a host name to its addresses, as the system does."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def is_public(address: Address) -> bool:
    """Return whether an address is public; IPv4-mapped IPv6 addresses count as IPv4."""
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or is_public(inner))


class Webhooks:
    """Repository of webhooks, and delivery of their events."""

    def __init__(
        self,
        engine: AsyncEngine,
        cipher: TokenCipher,
        clock: Clock,
        http: httpx2.AsyncClient,
        *,
        resolve: Resolve = resolve,
        allowed: Callable[[Address], bool] = is_public,
        calendars: bool = True,
        count: Count = count_nothing,
    ) -> None:
        """Create a repository.

        Args:
            http: must follow no redirects and use no proxy of the environment.
            calendars: whether calendars are read, so that there are events about them.
            count: counts attempts by how they ended.
        """
        self._engine = engine
        self._cipher = cipher
        self._clock = clock
        self._http = http
        self._resolve = resolve
        self._allowed = allowed
        self._calendars = calendars
        self._count = count

    async def create(self, url: str, events: Collection[str] = GRANT_EVENTS) -> tuple[Webhook, str]:
        """Create a webhook; return it and its signing secret, which is shown once.

        Args:
            events: by default those about grants; `calendar.changed` comes with each change of a calendar.

        Raises:
            BadRequest: `webhook_address_refused`, `event_unknown`.
            OperatorMustAct: `calendars_off`.
        """
        if unknown := set(events) - set(EVENTS):
            raise BadRequest(
                "event_unknown", f"{', '.join(sorted(unknown))}: events are {', '.join(EVENTS)}."
            )
        if CALENDAR_CHANGED in events and not self._calendars:
            raise OperatorMustAct(
                "calendars_off", f"Calendars are switched off here, so there is no {CALENDAR_CHANGED}."
            )
        await self._checked(url)
        secret = new_secret()
        values = {"url": url, "secret": b"", "events": sorted(set(events)), "created_at": self._clock.now()}
        async with self._engine.begin() as connection:
            row = (await connection.execute(insert(t).values(values).returning(t))).one()
            sealed = self._cipher.encrypt(secret, secret_associated_data(row.id))
            row = (
                await connection.execute(update(t).where(t.c.id == row.id).values(secret=sealed).returning(t))
            ).one()
            await announce_change(connection, WEBHOOKS_TOPIC)
        return _webhook(row), secret

    async def all(self) -> list[Webhook]:
        """Return all webhooks, oldest first."""
        async with self._engine.connect() as connection:
            return [_webhook(row) for row in await connection.execute(select(t).order_by(t.c.id))]

    async def remove(self, webhook_id: int) -> None:
        """Delete a webhook and its pending deliveries.

        Raises:
            BadRequest: `not_found`.
        """
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(t).where(t.c.id == webhook_id).returning(t.c.id))
            await announce_change(connection, WEBHOOKS_TOPIC)
        if gone.first() is None:
            raise BadRequest("not_found", f"There is no webhook {webhook_id}.")

    async def due(self) -> list[list[str]]:
        """Return the ids of deliveries that are due: for each webhook the next few, the longest due first."""
        due = (d.c.webhook_id == t.c.id, d.c.done_at.is_(None), d.c.due_at <= self._clock.now())
        few = select(d.c.id, d.c.due_at).where(*due).order_by(d.c.due_at).limit(_FEW).lateral()
        query = select(t.c.id, few.c.id).join(few, true()).order_by(t.c.id, few.c.due_at)
        found: dict[int, list[str]] = {}
        async with self._engine.connect() as connection:
            for webhook_id, delivery_id in await connection.execute(query):
                found.setdefault(webhook_id, []).append(delivery_id)
        return list(found.values())

    async def deliver_until_failure(self, delivery_ids: Sequence[str]) -> None:
        """Attempt deliveries to one webhook one after the other; the first that fails leaves the rest due.

        A receiver that does not answer costs one timeout, however many messages wait for it.
        """
        for delivery_id in delivery_ids:
            if not await self.deliver(delivery_id):
                return

    async def deliver(self, delivery_id: str) -> bool:
        """Attempt a delivery, unless another process does; return False if it failed."""
        now = self._clock.now()
        claimed = (
            update(d)
            .where(d.c.id == delivery_id, d.c.done_at.is_(None), d.c.due_at <= now)
            .values(due_at=now + _CLAIM, attempts=d.c.attempts + 1)
            .returning(d)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(claimed)).first()
            hook = row and (await connection.execute(select(t).where(t.c.id == row.webhook_id))).first()
        if row is None or hook is None:
            return True
        outcome = await self._post(_webhook(hook), row.id, json.dumps(row.payload, separators=(",", ":")))
        self._count("webhook_deliveries", _counted_as(outcome))
        after = _AGAIN[row.attempts - 1] if row.attempts <= len(_AGAIN) else None
        over = outcome in ("delivered", "gone") or after is None
        values = {"outcome": outcome, "done_at": now if over else None, "due_at": now + (after or _CLAIM)}
        async with self._engine.begin() as connection:
            # A later message about the same may have replaced it meanwhile.
            await connection.execute(update(d).where(d.c.id == row.id, d.c.done_at.is_(None)).values(values))
        if outcome != "delivered":
            log.warning("webhook_delivery_failed", webhook=hook.id, outcome=outcome, attempts=row.attempts)
        return outcome == "delivered"

    async def _post(self, hook: Webhook, message_id: str, body: str) -> str:
        at = int(self._clock.now().timestamp())
        try:
            secret = self._cipher.decrypt(hook._secret, secret_associated_data(hook.id))
            host, address = await self._checked(hook.url)
            url = httpx2.URL(hook.url)
            request = self._http.build_request(
                "POST",
                url.copy_with(host=str(address)),
                content=body,
                timeout=_TIMEOUT_SECONDS,
                headers={
                    "Host": url.netloc.decode(),
                    "Content-Type": "application/json",
                    "webhook-id": message_id,
                    "webhook-timestamp": str(at),
                    "webhook-signature": sign(secret, message_id, at, body),
                },
                # The certificate must match the host name, though we connect by address.
                extensions={"sni_hostname": host},
            )
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                await response.aclose()
        except CatflapError as error:
            return error.code
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            return type(error).__name__
        if response.is_success:
            return "delivered"
        return "gone" if response.status_code == 410 else f"HTTP {response.status_code}"

    async def _checked(self, url: str) -> tuple[str, Address]:
        """Return the host of `url` and the address to connect to.

        Raises:
            BadRequest: `webhook_address_refused`.
        """
        try:
            parsed = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise _refused() from None
        if parsed.scheme != "https" or not parsed.host or parsed.userinfo or parsed.fragment:
            raise _refused()
        try:
            addresses = await self._resolve(parsed.host, parsed.port or 443)
        except OSError:
            raise BadRequest("webhook_address_refused", "The webhook's host can't be resolved.") from None
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise _refused()
        return parsed.host, addresses[0]


def _counted_as(outcome: str) -> str:
    if outcome in ("delivered", "gone", "webhook_address_refused"):
        return outcome
    return "http_error" if outcome.startswith("HTTP ") else "no_answer"


def sign(secret: str, message_id: str, at: int, body: str) -> str:
    """Return the `webhook-signature` header (Standard Webhooks, "Signature scheme", symmetric)."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{message_id}.{at}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def new_secret() -> str:
    """Return a new signing secret in the format of Standard Webhooks."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_associated_data(webhook_id: int) -> AssociatedData:
    """Return the associated data of a webhook's secret."""
    return AssociatedData(webhook_id, 0, "secret", "webhooks")


def _webhook(row: Row[tuple[object, ...]]) -> Webhook:
    return from_row(Webhook, row, events=frozenset(row.events))


def _refused() -> BadRequest:
    return BadRequest(
        "webhook_address_refused",
        "A webhook must be an https address on the public internet, without a user.",
    )
