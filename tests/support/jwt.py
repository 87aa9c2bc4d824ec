"""JSON Web Tokens that no library would make."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any


def hs256(token: str, secret: bytes) -> str:
    """The claims of `token`, signed with what everybody may read; no library would make such a thing."""
    signed = f"{_encode({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{token.split('.')[1]}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _encode(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
