"""Run all checks of an installation, each for a limited time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2

from catflap.checks import (
    background_checks,
    clock_checks,
    database_checks,
    device_checks,
    file_checks,
    google_checks,
    port_checks,
    setting_checks,
    vault_checks,
    voice_checks,
)
from catflap.checks.catalogue import GROUPS, found, found_by
from catflap.checks.finding import SEVERITIES, Finding, Registration
from catflap.checks.installation import Database, Installation
from catflap.clock import Clock, SystemClock
from catflap.errors import CatflapError
from catflap.settings import Settings
from catflap.tls import tls_context

CHECK_SECONDS = 15.0
# The embedded PostgreSQL may have to be started, and to recover.
DATABASE_SECONDS = 60.0
_HTTP_SECONDS = 10.0

Check = Callable[[Installation], Awaitable[Sequence[Finding]]]
DatabaseCheck = Callable[[Installation, Database], Awaitable[Sequence[Finding]]]

CHECKS: Mapping[str, Check] = {
    "settings": setting_checks.check_settings,
    "redirect URI": google_checks.check_redirect_uri,
    "OAuth client": google_checks.check_client,
    "clock": clock_checks.check_clock,
    "files": file_checks.check_files,
    "disk": file_checks.check_disk,
    "port": port_checks.check_port,
    "voices": voice_checks.check_voices,
    "speech servers": voice_checks.check_speech_servers,
    "Home Assistant": device_checks.check_home_assistant,
}
DATABASE_CHECKS: Mapping[str, DatabaseCheck] = {
    "PostgreSQL": database_checks.check_server,
    "clock of the database": clock_checks.check_database_clock,
    "keyset": vault_checks.check_keyset,
    "grants": vault_checks.check_grants,
    "webhooks": vault_checks.check_webhooks,
    "background jobs": background_checks.check_background,
    "voices of users": voice_checks.check_users_voices,
    "MQTT broker": device_checks.check_broker_beside,
}


@dataclass(frozen=True)
class Examination:
    """What was found, the gravest of each group first, and what is to be registered at Google."""

    findings: list[Finding]
    registration: Registration | None

    @property
    def exit_code(self) -> int:
        """0 without a problem; else the code of the exit-code table, of what the operator can mend first."""
        codes = {int(one.exit) for one in self.findings if one.severity == "problem"}
        return next((code for code in (3, 5, 1) if code in codes), 0)


async def examine(
    settings: Settings, clock: Clock | None = None, *, seconds: float = CHECK_SECONDS
) -> Examination:
    """Run all checks at the same time, and change nothing.

    Args:
        settings: Of the installation.
        clock: The clock of this machine.
        seconds: How long each check may take.
    """
    async with AsyncExitStack() as stack:
        http = httpx2.AsyncClient(verify=tls_context(), timeout=_HTTP_SECONDS)
        await stack.enter_async_context(http)
        here = Installation(settings, clock or SystemClock(), http)
        runs = [_limited(here, name, check(here), seconds) for name, check in CHECKS.items()]
        results = await asyncio.gather(*runs, _with_database(here, stack, seconds))
    findings = [one for result in results for one in result]
    findings.sort(key=lambda one: (GROUPS.index(one.group), SEVERITIES.index(one.severity)))
    return Examination(findings, google_checks.to_register(settings))


async def _with_database(here: Installation, stack: AsyncExitStack, seconds: float) -> list[Finding]:
    opened: list[Database] = []

    async def open_it() -> Sequence[Finding]:
        opened.append(await database_checks.open_unchanged(here, stack))
        return ()

    results = [await _limited(here, "database", open_it(), max(seconds, DATABASE_SECONDS))]
    if not opened:
        results.append(await _limited(here, "MQTT broker", device_checks.check_broker(here), seconds))
    for database in opened:
        checks = DATABASE_CHECKS.items()
        runs = [_limited(here, name, check(here, database), seconds) for name, check in checks]
        results += await asyncio.gather(*runs)
    return [one for result in results for one in result]


async def _limited(
    here: Installation, name: str, running: Awaitable[Sequence[Finding]], seconds: float
) -> Sequence[Finding]:
    """Return the findings of a check; its own failure is a finding too."""
    try:
        async with asyncio.timeout(seconds):
            return await running
    except TimeoutError:
        return [found("check_timed_out", check=name, seconds=f"{seconds:g}")]
    except CatflapError as error:
        return [found_by(error, path=here.settings.data_dir)]
    except Exception as error:
        # Only its type: the text of a library's exception may quote anything.
        return [found("check_failed", check=name, reason=type(error).__name__)]
