"""How grants and webhooks are, for the operator: counts and times, without tokens and users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.vault.api_keys import ApiKey, ApiKeys

GRANT_STATES = ("active", "reconsent", "revoked")

# A grant is its main row; it is active while any of its tokens is. Both counts are of index entries.
_GRANTS = text("""
SELECT 'all' AS state, count(*) AS grants FROM vault.google_tokens WHERE supplements IS NULL
UNION ALL
SELECT state, count(*) FROM vault.google_tokens t
WHERE state <> 'active' AND supplements IS NULL AND NOT EXISTS (
    SELECT FROM vault.google_tokens s WHERE s.supplements = t.id AND s.state = 'active'
) GROUP BY state
""")
_WEBHOOKS = text("""
SELECT w.id, w.url, w.events, w.created_at, waiting.pending, waiting.failing, waiting.oldest_at,
    failing.attempts, failing.outcome AS failure, delivered.done_at AS delivered_at,
    given_up.done_at AS given_up_at, given_up.outcome AS given_up
FROM vault.webhooks w CROSS JOIN LATERAL (
    SELECT count(*) AS pending, count(*) FILTER (WHERE attempts > 0) AS failing, min(created_at) AS oldest_at
    FROM vault.webhook_deliveries WHERE webhook_id = w.id AND done_at IS NULL
) waiting LEFT JOIN LATERAL (
    SELECT attempts, outcome FROM vault.webhook_deliveries
    WHERE webhook_id = w.id AND done_at IS NULL AND attempts > 0 ORDER BY attempts DESC LIMIT 1
) failing ON true LEFT JOIN LATERAL (
    SELECT done_at FROM vault.webhook_deliveries
    WHERE webhook_id = w.id AND done_at IS NOT NULL AND outcome = 'delivered' ORDER BY done_at DESC LIMIT 1
) delivered ON true LEFT JOIN LATERAL (
    SELECT done_at, outcome FROM vault.webhook_deliveries
    WHERE webhook_id = w.id AND done_at IS NOT NULL AND outcome <> 'delivered' ORDER BY done_at DESC LIMIT 1
) given_up ON true ORDER BY w.id
""")
WebhookState = Literal["new", "delivers", "retries", "gone", "gave_up"]


@dataclass(frozen=True)
class WebhookHealth:
    """A webhook and its deliveries; of its address only the host, because paths may be secrets.

    Attributes:
        pending: messages that wait, for the first attempt or for another.
        failing: those of `pending` with a failed attempt.
        attempts: how often the most tried of them was sent.
        oldest_at: since when the oldest of `pending` waits.
        delivered_at: when it last took a message.
        given_up_at: when a message was last given up.
        last_failure: how the last failed attempt ended, while messages wait for another; or why the last
            message was given up, if that was after the last success.
    """

    id: int
    host: str
    events: list[str]
    created_at: datetime
    pending: int
    failing: int
    attempts: int
    oldest_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None
    last_failure: str | None
    state: WebhookState


class VaultHealth:
    """Reads how grants, API keys and webhooks are.

    Args:
        engine: Connects with the vault's role.
        api_keys: Of other back ends.
    """

    def __init__(self, engine: AsyncEngine, api_keys: ApiKeys) -> None:
        self._engine = engine
        self._api_keys = api_keys

    async def grants(self) -> dict[str, int]:
        """Return the number of grants by state."""
        async with self._engine.connect() as connection:
            return await read_grants(connection)

    async def keys(self) -> list[ApiKey]:
        """Return all API keys, without their secrets."""
        return await self._api_keys.list()

    async def webhooks(self) -> list[WebhookHealth]:
        """Return all webhooks, oldest first."""
        async with self._engine.connect() as connection:
            return await read_webhooks(connection)


async def read_grants(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of grants by state."""
    found = {row.state: row.grants for row in await connection.execute(_GRANTS)}
    total = found.pop("all")
    return {**dict.fromkeys(GRANT_STATES, 0), **found, "active": total - sum(found.values())}


async def read_webhooks(connection: AsyncConnection) -> list[WebhookHealth]:
    """Return all webhooks, oldest first."""
    found = []
    for row in await connection.execute(_WEBHOOKS):
        state, failure = _state_of(row.failure, row.given_up, row.given_up_at, row.delivered_at)
        health = WebhookHealth(
            id=row.id,
            host=urlsplit(row.url).hostname or "",
            events=sorted(row.events),
            created_at=row.created_at,
            pending=row.pending,
            failing=row.failing,
            attempts=row.attempts or 0,
            oldest_at=row.oldest_at,
            delivered_at=row.delivered_at,
            given_up_at=row.given_up_at,
            last_failure=failure,
            state=state,
        )
        found.append(health)
    return found


def _state_of(
    failure: str | None, given_up: str | None, given_up_at: datetime | None, delivered_at: datetime | None
) -> tuple[WebhookState, str | None]:
    """Return how a webhook is, and how its last attempt failed, if it did."""
    if failure is not None:
        return "retries", failure
    if given_up_at is not None and (delivered_at is None or given_up_at > delivered_at):
        return ("gone" if given_up == "gone" else "gave_up"), given_up
    return ("new" if delivered_at is None else "delivers"), None
