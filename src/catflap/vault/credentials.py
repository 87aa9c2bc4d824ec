"""google-auth credentials inside Catflap's own process, for Google's blocking Python clients.

Needs the extra `google`. Other programs use the distribution catflap-client, over the token API.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from google.auth.exceptions import RefreshError

from catflap.errors import CatflapError, may_retry
from catflap.vault.access import Vault
from catflap.vault.token_refresh import AccessToken
from catflap_client.google_auth import Credentials


def vault_credentials(vault: Vault, user: int, account: str | None = None) -> Credentials:
    """Return credentials of one user with tokens straight from the vault.

    Call it where the event loop runs, and use the credentials in `asyncio.to_thread`. Without a token they
    raise google-auth's RefreshError, with Catflap's error code as the first argument.

    Args:
        user: the user's id.
        account: the `sub` of one of the user's Google accounts; None for the primary one.
    """
    loop = asyncio.get_running_loop()

    def fetch(rejected: str | None) -> tuple[str, datetime]:
        work: Coroutine[Any, Any, AccessToken] = vault.access_token(user, account, rejected=rejected)
        try:
            live = asyncio.run_coroutine_threadsafe(work, loop).result()
        except CatflapError as error:
            raise RefreshError(  # type: ignore[no-untyped-call]
                error.code, error.message, retryable=may_retry(error)
            ) from error
        return live.token, live.expires_at

    return Credentials(fetch)
