# mypy: disallow-untyped-calls=false
"""google-auth and Authlib, used as their documentation shows, from 50 threads."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from authlib.integrations.requests_client import OAuth2Session
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from bench.peers.question import CALLERS, DEAD_CALLS, ask
from bench.records import Rows
from bench.vault_stage import CLIENT_ID, CLIENT_SECRET, Stage


async def google_auth(stage: Stage) -> Rows:
    """One `Credentials` object, shared by all threads."""

    def make(account: dict[str, str]) -> Callable[[], object]:
        shared = Credentials(
            token=account["access_token"],
            refresh_token=account["refresh_token"],
            token_uri=f"{stage.google.url}/token",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            expiry=(datetime.now(UTC) - timedelta(minutes=1)).replace(tzinfo=None),
        )
        return lambda: shared.before_request(Request(), "GET", "http://localhost", {})

    return await _both(stage, "google-auth, threads", make)


async def authlib(stage: Stage) -> Rows:
    """One `OAuth2Session`, shared by all threads."""

    def make(account: dict[str, str]) -> Callable[[], object]:
        token = {
            "access_token": account["access_token"],
            "refresh_token": account["refresh_token"],
            "token_type": "Bearer",
            "expires_at": int(datetime.now(UTC).timestamp()) - 60,
        }
        shared = OAuth2Session(
            CLIENT_ID, CLIENT_SECRET, token=token, token_endpoint=f"{stage.google.url}/token"
        )
        return lambda: shared.ensure_active_token(shared.token)

    return await _both(stage, "Authlib, threads", make)


async def _both(stage: Stage, name: str, make: Callable[[dict[str, str]], Callable[[], object]]) -> Rows:
    live, dead = await stage.google.accounts(2, f"{name.split(',')[0].lower()}.example.com")
    call = make(dead)

    async def one_by_one() -> None:
        for _ in range(DEAD_CALLS):
            with contextlib.suppress(Exception):
                await asyncio.to_thread(call)

    return await ask(
        stage, name, dead["email"], at_once=lambda: _at_once(make(live), CALLERS), one_by_one=one_by_one
    )


async def _at_once(call: Callable[[], object], callers: int) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(callers) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, call) for _ in range(callers)))
