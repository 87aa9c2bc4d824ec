"""The TLS settings of outgoing connections."""

import functools
import ssl

import httpx2


@functools.cache
def tls_context(*, trust_env: bool = True) -> ssl.SSLContext:
    """Return the context for `verify=` of an HTTP client, one for the whole process.

    httpx2 makes one per client otherwise, and reading the system's CA certificates takes 20 ms each time.

    Args:
        trust_env: whether `SSL_CERT_FILE` and `SSL_CERT_DIR` count; give the client the same.
    """
    return httpx2.create_ssl_context(trust_env=trust_env)
