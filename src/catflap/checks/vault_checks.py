"""The keyset, the grants and the webhooks."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.errors import OperatorMustAct
from catflap.vault.encryption import TokenCipher
from catflap.vault.health import read_grants, read_webhooks
from catflap.vault.keyset import Keyset, KeysetFile, keyset_source
from catflap.vault.sealed_columns import foreign_keys, keys_in_use

# Google ends refresh tokens, and deletes clients, that were not used for six months.
_IDLE = timedelta(days=150)
_TESTING = timedelta(days=7)
# Between the consent and when we notice the end.
_TOLERANCE = timedelta(hours=12)
_GRANTS = text("""
SELECT
    count(*) FILTER (WHERE state = 'active' AND GREATEST(refreshed_at, used_at, created_at) < :idle) AS idle,
    count(*) FILTER (WHERE state = 'active' AND refresh_expires_at < :soon
        OR state = 'reconsent' AND ended_at - created_at BETWEEN :least AND :most) AS testing
FROM vault.google_tokens
""")
_CLIENTS = text(
    "SELECT max(GREATEST(refreshed_at, created_at)) FROM vault.google_tokens"
    " WHERE client_id = ANY(:client_ids) GROUP BY client_id"
)


async def check_keyset(here: Installation, database: Database) -> Sequence[Finding]:
    """Check that the keyset opens what the database holds."""
    source = keyset_source(here.settings)
    if isinstance(source, KeysetFile) and not source.exists() and not await keys_in_use(database.vault):
        # `catflap serve` makes one for a new database.
        return []
    foreign = await foreign_keys(database.vault, TokenCipher(Keyset(source)))
    return [found("keyset_lacks_key", keys=", ".join(map(str, sorted(foreign))))] if foreign else []


async def check_grants(here: Installation, database: Database) -> Sequence[Finding]:
    """Check for what ends soon: by Testing mode, or because nobody uses it."""
    now = here.clock.now()
    times = {
        "idle": now - _IDLE,
        "soon": now + _TESTING + _TOLERANCE,
        "least": _TESTING - _TOLERANCE,
        "most": _TESTING + _TOLERANCE,
    }
    async with database.vault.connect() as connection:
        waiting = (await read_grants(connection))["reconsent"]
        row = (await connection.execute(_GRANTS, times)).one()
        clients = (await connection.execute(_CLIENTS, {"client_ids": _client_ids(here)})).scalars().all()
    findings = []
    if row.testing:
        findings.append(found("google_testing_mode", count=row.testing))
    findings += [
        found("google_client_idle", days=(now - used).days) for used in clients if used < now - _IDLE
    ]
    if waiting:
        findings.append(found("grants_need_consent", count=waiting))
    if row.idle:
        findings.append(found("grants_idle", count=row.idle))
    return findings


def _client_ids(here: Installation) -> list[str]:
    try:
        return [client.client_id for client in here.settings.google_clients().all]
    except OperatorMustAct:
        return []


async def check_webhooks(here: Installation, database: Database) -> Sequence[Finding]:
    """Check that webhooks take their messages."""
    async with database.vault.connect() as connection:
        webhooks = await read_webhooks(connection)
    return [
        found("webhook_failing", id=one.id, host=one.host, failure=one.last_failure, pending=one.pending)
        for one in webhooks
        if one.state in ("retries", "gone", "gave_up")
    ]
