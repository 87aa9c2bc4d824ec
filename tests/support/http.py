"""HTTP clients for tests."""

from typing import Any

import httpx2

from catflap.tls import tls_context


def http_client(**options: Any) -> httpx2.AsyncClient:
    """Return a client that shares the TLS context of the process; one of its own takes 20 ms to make."""
    return httpx2.AsyncClient(verify=tls_context(), **options)
