"""An OAuth client whose token endpoint gives chosen answers."""

import httpx2
from pydantic import SecretStr

from catflap.google.discovery import Discovery
from catflap.google.oauth import OAuth
from catflap.google_client_settings import GoogleClient

HERE = "http://127.0.0.1:1"


DOCUMENT = {
    "issuer": HERE,
    "authorization_endpoint": f"{HERE}/auth",
    "token_endpoint": f"{HERE}/token",
    "revocation_endpoint": f"{HERE}/revoke",
    "jwks_uri": f"{HERE}/certs",
}


TOKENS = {"access_token": "ya29.a", "expires_in": 3599, "scope": "openid", "token_type": "Bearer"}


CODE = "4/0Acanary-code"


def oauth(*answers: httpx2.Response | Exception) -> tuple[OAuth, list[httpx2.Request]]:
    """A client whose token endpoint gives these answers, and what it was asked."""
    queue, seen = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/.well-known":
            return httpx2.Response(200, json=DOCUMENT)
        seen.append(request)
        given = queue.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = GoogleClient(client_id="id", client_secret=SecretStr("secret"), redirect_uri=f"{HERE}/callback")
    return OAuth(http, Discovery(http, f"{HERE}/.well-known"), client), seen
