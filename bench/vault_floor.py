"""Baselines of the token route: one indexed SELECT and one AES-GCM decryption per request.

`python -m bench.vault_floor bare|soft PORT DATABASE_URL` serves `/token/{number}` as `catflap serve` serves
its routes. `bare` is a plain ASGI application with a prepared statement of asyncpg, `soft` the same with
FastAPI and SQLAlchemy. The table `floor` holds values sealed with the key of zeros.
"""

import asyncio
import json
import sys
from typing import Any

import asyncpg
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, select
from starlette.types import ASGIApp, Receive, Scope, Send

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind
from catflap.store.database import asyncpg_options, connect, parse_url

KEY = bytes(32)
POOL_SIZE = 10
floor = Table(
    "floor",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("token", LargeBinary),
    Column("expires_at", DateTime(timezone=True)),
    schema="public",
)


async def bare(url: str) -> ASGIApp:
    """Create the plain application."""
    options: dict[str, Any] = asyncpg_options(parse_url(url))
    pool = await asyncpg.create_pool(min_size=POOL_SIZE, max_size=POOL_SIZE, **options)
    query, aead = "SELECT id, token, expires_at FROM public.floor WHERE id = $1", AESGCM(KEY)

    async def token(scope: Scope, _receive: Receive, send: Send) -> None:
        async with pool.acquire() as connection:
            # Prepared at the first call on each connection, and kept by asyncpg.
            row = await connection.fetchrow(query, int(scope["path"].rpartition("/")[2]))
        opened = aead.decrypt(row["token"][:12], row["token"][12:], b"floor")
        body = json.dumps(
            {"access_token": opened.decode(), "expires_at": row["expires_at"].isoformat()}
        ).encode()
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return token


async def soft(url: str) -> ASGIApp:
    """Create the application with FastAPI and SQLAlchemy."""
    engine = connect(parse_url(url), pool_size=POOL_SIZE).execution_options(isolation_level="AUTOCOMMIT")
    app, aead = FastAPI(), AESGCM(KEY)

    @app.get("/token/{number}")
    async def token(number: int) -> dict[str, str]:
        async with engine.connect() as connection:
            row = (await connection.execute(select(floor).where(floor.c.id == number))).one()
        opened = aead.decrypt(row.token[:12], row.token[12:], b"floor")
        return {"access_token": opened.decode(), "expires_at": row.expires_at.isoformat()}

    return app


async def serve(kind: str, port: int, url: str) -> None:
    """Serve one of the two until the process is stopped."""
    app = await {"bare": bare, "soft": soft}[kind](url)
    async with serving(app, bind("127.0.0.1", port)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
