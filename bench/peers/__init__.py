"""What peers do with one expired token and 50 callers, and with a grant that is dead and 20."""

from typing import Any

from bench.peers.better_auth import better_auth
from bench.peers.python_peers import authlib, google_auth
from bench.vault_stage import Stage


async def run_peers(stage: Stage) -> dict[str, Any]:
    """Upstream refreshes of each; a peer that can't run here is left out with a word."""
    rows: dict[str, Any] = {}
    for peer in (google_auth, authlib, better_auth):
        rows |= await peer(stage)
    return rows
