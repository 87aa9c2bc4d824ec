"""A process of its own that uses the vault, and may be told to kill itself at a step.

Started by `processes.py` with its orders: says that it is ready, waits until it may go, does it, and answers
with what came out.
"""

import asyncio
import hashlib
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2
import structlog
from pydantic import SecretStr

from catflap.clock import Clock, FixedClock, SystemClock
from catflap.errors import CatflapError
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient
from catflap.store.database import connect, parse_url
from catflap.store.notify import NotificationListener
from catflap.store.vault_tables import google_tokens
from catflap.vault import Grants, TokenCipher, Vault, load_keyset
from catflap.vault.failpoint import failpoint, failpoints
from catflap.vault.lease import Leases
from catflap.vault.rotation import Rotation


def killer(step: str | None) -> Callable[[str], None]:
    """What to call at each step: at `step` the process is gone, as if by `kill -9`."""

    def at(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def run(orders: dict[str, Any], connection: Connection) -> None:
    """The process; what it logs at a lower level would only hide the output of its caller."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    connection.send(asyncio.run(_main(orders, connection)))


async def _main(orders: dict[str, Any], connection: Connection) -> dict[str, Any]:
    clock: Clock = FixedClock(datetime.fromisoformat(orders["now"])) if orders.get("now") else SystemClock()
    client = GoogleClient(
        client_id=orders["client_id"], client_secret=SecretStr(orders["client_secret"]), redirect_uri=""
    )
    url = parse_url(orders["vault_url"])
    engine = connect(url)
    async with httpx2.AsyncClient(timeout=60) as http, NotificationListener(url) as notifications:
        oauth = OAuth(http, Discovery(http, orders["discovery"]), client)
        await oauth._discovery.endpoints()
        cipher = TokenCipher(load_keyset(Path(orders["keyset"])))
        grants = Grants(engine, cipher, clock, client.client_id)
        leases = Leases(engine, timedelta(seconds=orders["lease"]))
        vault = Vault(grants, oauth, clock, notifications=notifications, leases=leases)
        async with engine.connect():
            pass
        connection.send("ready")
        await asyncio.to_thread(connection.recv)
        try:
            with failpoints(killer(orders.get("kill_at"))):
                return await _DO[orders["do"]](vault, oauth, orders)
        finally:
            await engine.dispose()


async def _tokens(vault: Vault, _oauth: OAuth, orders: dict[str, Any]) -> dict[str, Any]:
    calls = (vault.access_token(orders["user_id"]) for _ in range(orders["callers"]))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    tokens = {hashlib.sha256(one.token.encode()).hexdigest() for one in outcomes if hasattr(one, "token")}
    codes = [
        one.code if isinstance(one, CatflapError) else repr(one)
        for one in outcomes
        if isinstance(one, BaseException)
    ]
    return {"tokens": sorted(tokens), "errors": dict(Counter(codes))}


async def _bulk(vault: Vault, _oauth: OAuth, _orders: dict[str, Any]) -> dict[str, Any]:
    return {"refreshed": await vault.refresh_all(lambda: (google_tokens.c.version == 1,))}


async def _keep(vault: Vault, oauth: OAuth, orders: dict[str, Any]) -> dict[str, Any]:
    tokens = await oauth.exchange(orders["code"], redirect_uri="")
    failpoint("exchange.answered")
    kept = await vault.grants.store(orders["user_id"], orders["account"], tokens)
    return {"kept": kept is not None}


async def _revoke(vault: Vault, _oauth: OAuth, orders: dict[str, Any]) -> dict[str, Any]:
    return {"at_google": await vault.revoke(orders["user_id"], orders["account"])}


async def _rotate(vault: Vault, _oauth: OAuth, orders: dict[str, Any]) -> dict[str, Any]:
    cipher = TokenCipher(load_keyset(Path(orders["keyset"])))
    engine, grace = vault.grants.engine, timedelta(milliseconds=10)
    rotation = Rotation(engine, cipher, grace=grace)
    return {"resealed": await rotation.rotate()}


_DO = {"rotate": _rotate, "tokens": _tokens, "bulk": _bulk, "keep": _keep, "revoke": _revoke}
