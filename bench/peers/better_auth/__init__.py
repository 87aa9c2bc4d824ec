"""Better Auth in Node.js, installed beside this file; left out with a word where there is no Node."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from bench.vault_stage import CLIENT_ID, CLIENT_SECRET, Stage

HERE = Path(__file__).parent
NAME = "Better Auth 1.7.0"
CALLERS, DEAD_CALLS, LATENCY = 50, 20, 0.15


async def better_auth(stage: Stage) -> dict[str, Any]:
    """The same two questions."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return {NAME: "left out: no Node.js here"}
    if not (HERE / "node_modules").exists():
        code, _ = await _run(npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
        if code:
            return {NAME: "left out: npm can't install it here"}
    live, dead = await stage.google.accounts(2, "better-auth.example.com")
    await stage.google.set_fault(latency=LATENCY)
    await stage.google.forget()
    code, said = await _ask(node, stage, live, CALLERS, "at-once")
    if code or f'"served":{CALLERS}' not in said:
        await stage.google.clear_faults()
        return {NAME: f"left out: {said.strip()[-200:]}"}
    refreshes = await stage.google.refreshes()
    await stage.google.clear_faults()
    await stage.google.revoke(dead["email"])
    await stage.google.forget()
    await _ask(node, stage, dead, DEAD_CALLS, "one-by-one")
    return {
        f"{NAME}: refreshes for {CALLERS} callers, Google {LATENCY:g} s": refreshes,
        f"{NAME}: upstream calls for {DEAD_CALLS} calls with a dead grant": await stage.google.refreshes(),
    }


async def _ask(
    node: str, stage: Stage, account: dict[str, str], calls: int, how: str
) -> tuple[int | None, str]:
    token = account["refresh_token"]
    return await _run(node, "index.mjs", stage.google.url, CLIENT_ID, CLIENT_SECRET, token, str(calls), how)


async def _run(*command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
