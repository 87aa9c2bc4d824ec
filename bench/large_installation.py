"""Processes of Catflap on a database with many users, with `bench.bare_google` in the place of Google."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg
import psutil

from bench.vault_stage import CLIENT_ID, Stage, start, stop
from catflap.clock import SystemClock
from catflap.store.database import asyncpg_options
from catflap.vault.encryption import AssociatedData, TokenCipher
from catflap.vault.keyset import load_keyset
from tests.support.many_users import Installation, load

_MEGABYTE = 1024 * 1024
# Every grant is active and its tokens decrypt; nothing else waits to be done.
_PREPARE = (
    "DELETE FROM app.calendar_changes",
    "DELETE FROM queue.pgqueuer",
    "UPDATE vault.webhook_deliveries SET done_at = created_at WHERE done_at IS NULL",
    "DELETE FROM vault.google_tokens WHERE supplements IS NOT NULL",
    """UPDATE vault.google_tokens SET state = 'active', reason = NULL, ended_at = NULL, used_at = NULL,
        expires_at = now() + (10 + id % 50) * interval '1 minute'""",
)


@dataclass
class Running:
    """A process of Catflap and what it has used."""

    process: "subprocess.Popen[bytes]"

    @property
    def _usage(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def cpu_seconds(self) -> float:
        """Return the CPU time so far, without that of child processes."""
        return _cpu_seconds(self._usage)

    def cpu_seconds_of_engines(self) -> float:
        """Return the CPU time so far of the speech engines, which are child processes."""
        return sum(map(_cpu_seconds, self._usage.children(recursive=True)))

    def megabytes(self) -> float:
        """Return the proportional set size of the process without its children."""
        return float(self._usage.memory_full_info().pss) / _MEGABYTE


@asynccontextmanager
async def installation(
    stage: Stage, users: int, events: int = 50, *, is_changing: bool = False
) -> AsyncIterator[tuple[asyncpg.Connection, dict[str, str]]]:
    """Load the database and start a Google; yield a connection and the environment of our processes."""
    cipher = TokenCipher(load_keyset(stage.keyset))
    await load(stage.urls, users, Installation(SystemClock().now(), CLIENT_ID, cipher))
    connection = await asyncpg.connect(**asyncpg_options(stage.urls.owner))
    for statement in _PREPARE:
        await connection.execute(statement)
    await connection.executemany(
        "UPDATE vault.google_tokens SET access_token = $2, refresh_token = $3 WHERE id = $1",
        [
            (row["id"], *(_sealed(cipher, row, name) for name in ("access_token", "refresh_token")))
            for row in await connection.fetch("SELECT id, user_id FROM vault.google_tokens")
        ],
    )
    await connection.execute("VACUUM (ANALYZE)")
    with _bare_google(events, is_changing) as url:
        environment = {
            "CATFLAP_GOOGLE_API_URL": url,
            "CATFLAP_GOOGLE_DISCOVERY_URL": f"{url}/.well-known/openid-configuration",
            "CATFLAP_CALENDARS": "true",
        }
        yield connection, {**stage.environment, **environment}
    await connection.close()


@contextmanager
def _bare_google(events: int, is_changing: bool) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.bare_google", str(events), *["changing"] * is_changing]
    google = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert google.stdout is not None
        yield google.stdout.readline().decode().strip()
    finally:
        stop(google)


def _sealed(cipher: TokenCipher, row: asyncpg.Record, field: str) -> bytes:
    token = f"{field.partition('_')[0]}-{row['user_id']}"
    return cipher.encrypt(token, AssociatedData(row["id"], row["user_id"], field))


async def put_off(connection: asyncpg.Connection) -> None:
    """Let nothing be due but what a notification tells."""
    await connection.execute("UPDATE app.calendar_syncs SET due_at = now() + interval '1 day'")
    await connection.execute("UPDATE app.calendar_syncs SET list_due_at = due_at, list_sync_token = 'v1'")
    await connection.execute("UPDATE app.calendars SET sync_due_at = now() + interval '1 day'")


@contextmanager
def started(environment: dict[str, str], *arguments: str) -> Iterator[Running]:
    process = start(*arguments, environment=environment)
    try:
        yield Running(process)
    finally:
        stop(process)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
