"""Baseline: the same web stack with one indexed SELECT and one AES-GCM decryption per request.

`python -m bench.vault_floor PORT DATABASE_URL`; the table `floor` holds values sealed with the key of zeros.
"""

import sys

import uvicorn
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, select

from catflap.store.database import connect, parse_url

KEY = bytes(32)
floor = Table(
    "floor",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("token", LargeBinary),
    Column("expires_at", DateTime(timezone=True)),
    schema="public",
)


def make(url: str) -> FastAPI:
    """Create the application."""
    engine = connect(parse_url(url)).execution_options(isolation_level="AUTOCOMMIT")
    app, aead = FastAPI(), AESGCM(KEY)

    @app.get("/token/{user_id}")
    async def token(user_id: int) -> dict[str, str]:
        async with engine.connect() as connection:
            row = (await connection.execute(select(floor).where(floor.c.id == user_id))).one()
        opened = aead.decrypt(row.token[:12], row.token[12:], b"floor")
        return {"access_token": opened.decode(), "expires_at": row.expires_at.isoformat()}

    return app


if __name__ == "__main__":
    uvicorn.run(make(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False)
