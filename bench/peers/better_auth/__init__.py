"""Better Auth in Node.js, installed beside this file; left out with a reason where that is not possible."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from bench.peers.question import CALLERS, DEAD_CALLS, ask
from bench.records import Rows
from bench.vault_stage import CLIENT_ID, CLIENT_SECRET, Stage

HERE = Path(__file__).parent
NAME = "Better Auth 1.7.0"
_PATH = "/api/auth/get-access-token"


async def refreshes(stage: Stage) -> Rows:
    """Ask its `getAccessToken` in one process, with its store in memory."""
    live, dead = await stage.google.accounts(2, "better-auth.example.com")
    try:
        node = await _installed()

        async def one_by_one() -> None:
            await _ask(node, stage, dead, DEAD_CALLS, "one-by-one")

        async def at_once() -> None:
            said = await _ask(node, stage, live, CALLERS, "at-once")
            if f'"served":{CALLERS}' not in said:
                raise RuntimeError(said.strip()[-200:])

        return await ask(stage, NAME, dead["email"], at_once=at_once, one_by_one=one_by_one)
    except RuntimeError as reason:
        return {NAME: f"left out: {reason}"}


async def serve(stage: Stage, port: int, users: int) -> tuple["subprocess.Popen[bytes]", list[bytes]]:
    """Start it on the database of the stage; return the process, and a request for each user's valid token.

    Raises:
        RuntimeError: it can't run here; the text says why.
    """
    process = _start(stage.urls.owner, await _installed(), "serve.mjs", str(port), str(users))
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    if not line:
        raise RuntimeError(f"it ended with {process.wait()} at its start")
    return process, [_request(port, one["cookie"], one["account"]) for one in json.loads(line)]


def _start(url: URL, *command: str) -> "subprocess.Popen[bytes]":
    database = {
        "PGHOST": str(url.query.get("host", url.host)),
        "PGPORT": str(url.port or 5432),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password),
        "PGDATABASE": str(url.database),
    }
    return subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, **database, "NODE_ENV": "production"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _request(port: int, cookie: str, account: str) -> bytes:
    body = json.dumps({"accountId": account})
    origin = f"http://127.0.0.1:{port}"
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


async def _installed() -> str:
    """Return the path of Node.js, with the packages of package.json installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise RuntimeError("no Node.js here")
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", "--silent")
    code, _ = await _run(npm, "install", *options)
    if code:
        raise RuntimeError("npm can't install it here")
    return node


async def _ask(node: str, stage: Stage, account: dict[str, str], calls: int, how: str) -> str:
    token = account["refresh_token"]
    command = (node, "index.mjs", stage.google.url, CLIENT_ID, CLIENT_SECRET, token, str(calls), how)
    return (await _run(*command))[1]


async def _run(*command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
