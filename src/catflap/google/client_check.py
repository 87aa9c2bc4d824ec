"""Check the OAuth clients at startup, before anything is written."""

import httpx2

from catflap.errors import OperatorMustAct
from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.log import log
from catflap.settings import Settings
from catflap.tls import tls_context


async def check_google(settings: Settings) -> None:
    """Check that Google answers and accepts the OAuth clients.

    A desktop client beside a web client may be rejected: it is logged, and all else works without it. Google
    deletes clients that were not used for six months.

    Raises:
        OperatorMustAct: `google_client_missing`, `google_client_rejected`, `discovery_invalid`.
        TryAgain: `google_unavailable`.
    """
    clients = settings.google_clients()
    async with httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout) as http:
        discovery = Discovery(http, settings.google_discovery_url)
        await OAuth(http, discovery, clients.primary).check_client()
        for client in clients.all[1:]:
            try:
                await OAuth(http, discovery, client).check_client()
            except OperatorMustAct as error:
                log.error("google_desktop_client_rejected", code=error.code, message=error.message)
