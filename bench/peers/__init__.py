"""Other libraries with one expired token and 50 callers, and with a revoked grant and 20 callers."""

from typing import Any

from bench.peers.better_auth import better_auth
from bench.peers.python_peers import authlib, google_auth
from bench.vault_stage import Stage


async def run_peers(stage: Stage) -> dict[str, Any]:
    """Return the number of refreshes of each; a library that can't run here is skipped with a message."""
    rows: dict[str, Any] = {}
    for peer in (google_auth, authlib, better_auth):
        rows |= await peer(stage)
    return rows
