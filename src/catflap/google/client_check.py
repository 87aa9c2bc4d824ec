"""Check the OAuth client at startup, before anything is written."""

import httpx2

from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.settings import Settings
from catflap.tls import tls_context


async def check_google(settings: Settings) -> None:
    """Check that Google answers and accepts the OAuth client.

    Raises:
        OperatorMustAct: `google_client_missing`, `google_client_rejected`, `discovery_invalid`.
        TryAgain: `google_unavailable`.
    """
    client = settings.google_client()
    async with httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout) as http:
        await OAuth(http, Discovery(http, settings.google_discovery_url), client).check_client()
