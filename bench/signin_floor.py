"""Baseline of a sign-in: a FastAPI route that writes one row with each of the two roles, in two commits.

`python -m bench.signin_floor PORT APP_URL VAULT_URL` serves `POST /write`, as `catflap serve` its routes.
"""

import asyncio
import sys

import uvloop
from fastapi import FastAPI
from sqlalchemy import Column, Identity, Integer, MetaData, Table, Text, insert

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind
from catflap.store.database import connect, parse_url

TABLE = Table(
    "signin_floor",
    MetaData(),
    Column("id", Integer, Identity(), primary_key=True),
    Column("value", Text),
    schema="public",
)


def application(*urls: str) -> FastAPI:
    """Create the application; it commits once with each URL."""
    app, engines = FastAPI(), [connect(parse_url(url)) for url in urls]

    @app.post("/write")
    async def write(body: dict[str, str]) -> dict[str, int]:
        for engine in engines:
            async with engine.begin() as connection:
                made = insert(TABLE).values(value=body["code"]).returning(TABLE.c.id)
                number = (await connection.execute(made)).scalar_one()
        return {"id": number}

    return app


async def serve(port: int, *urls: str) -> None:
    """Serve it until the process is stopped."""
    async with serving(application(*urls), bind("127.0.0.1", port)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), *sys.argv[2:]))
