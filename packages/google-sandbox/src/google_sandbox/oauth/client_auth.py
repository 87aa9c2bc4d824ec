"""Client authentication at the token endpoint: in the form or as HTTP Basic.

Source: OpenID Connect guide (both ways); error texts are observed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from google_sandbox.errors import OAuthError
from google_sandbox.models import Client
from google_sandbox.request import Call


def credentials(call: Call) -> tuple[str, str]:
    """Return the client id and secret of a request, and record the client.

    Raises:
        OAuthError: 400 invalid_request, if one of them is missing.
    """
    client_id, secret = client_id_and_secret(call)
    if not secret:
        raise OAuthError(400, "invalid_request", "client_secret is missing.")
    return client_id, secret


def client_id_and_secret(call: Call) -> tuple[str, str | None]:
    """Return the client id of a request, and the secret if there is one; record the client.

    Raises:
        OAuthError: 400 invalid_request, if there is no client id.
    """
    client_id, secret = call.form.get("client_id"), call.form.get("client_secret")
    header = call.header("authorization") or ""
    if header[:6].lower() == "basic ":
        try:
            pair = base64.b64decode(header[6:].strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise OAuthError(400, "invalid_request", "Could not determine client ID from request.") from None
        name, _, password = pair.partition(":")
        client_id, secret = client_id or unquote_plus(name), secret or unquote_plus(password)
    if not client_id:
        raise OAuthError(400, "invalid_request", "Could not determine client ID from request.")
    call.credentials["client"] = client_id
    return client_id, secret


def known_client(call: Call, client_id: str) -> Client:
    """Return a client.

    Raises:
        OAuthError: 401, if it is unknown or deleted.
    """
    client = call.state.clients.get(client_id)
    if client is None:
        raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
    if client.deleted:
        raise OAuthError(401, "deleted_client", "The OAuth client was deleted.")
    return client


def check_secret(client: Client, secret: str) -> None:
    """Compare the secret.

    Raises:
        OAuthError: 401 invalid_client, if it is wrong.
    """
    if not hmac.compare_digest(client.client_secret.encode(), secret.encode("utf-8", "replace")):
        raise OAuthError(401, "invalid_client", "The provided client secret is invalid.")
