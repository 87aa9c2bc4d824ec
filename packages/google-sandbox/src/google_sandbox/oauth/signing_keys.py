"""Signing keys of ID tokens and security events, and their rotation.

Two keys are published, as Google does, so that a client that caches the set by its Cache-Control survives one
rotation. Key material is random for every seed: a predictable signing key has no use, even in a sandbox.
All sandboxes of a process share their keys, because making one takes a tenth of a second and test suites
start a sandbox for each test.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey


class SigningKeys:
    """The current signing key, and the previous one still published; generated at first use."""

    def __init__(self, pems: list[str] | None = None) -> None:
        self._keys = [_named(_private(pem)) for pem in pems or []]
        self._generated = 0

    def rotate(self, keep: bool = True) -> str:
        """Sign with a new key from now on and return its kid; `keep=False` withdraws the old ones."""
        kept = self._published()[:1] if keep else []
        self._keys = [self._generate(), *kept]
        return str(self._keys[0].kid)

    def sign(self, claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """Return the claims as a compact RS256 JWT."""
        key = self._published()[0]
        return jwt.encode({"alg": "RS256", "kid": str(key.kid), "typ": typ}, dict(claims), key)

    def jwks(self) -> bytes:
        """Return the JSON Web Key Set (`/oauth2/v3/certs`)."""
        keys = [{**key.as_dict(private=False), "alg": "RS256", "use": "sig"} for key in self._published()]
        return json.dumps({"keys": keys}, indent=2).encode()

    def certificates(self, now: datetime) -> bytes:
        """Return the older form, X.509 PEM by kid (`/oauth2/v1/certs`)."""
        return json.dumps(
            {str(key.kid): _certificate(key, now) for key in self._published()}, indent=2
        ).encode()

    def export(self) -> list[str]:
        """Return the private keys as PEM, for the state file."""
        return [key.as_pem(private=True).decode() for key in self._keys]

    def _published(self) -> list[RSAKey]:
        if not self._keys:
            self._keys = [self._generate(), self._generate()]
        return self._keys

    def _generate(self) -> RSAKey:
        """Return a key that this sandbox has not used yet."""
        used = {key.kid for key in self._keys}
        while True:
            self._generated += 1
            if (key := _key(self._generated)).kid not in used:
                return key


@functools.cache
def _key(_number: int) -> RSAKey:
    return _named(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _named(private: rsa.RSAPrivateKey) -> RSAKey:
    modulus = str(RSAKey.import_key(private).as_dict(private=False)["n"])
    return RSAKey.import_key(private, {"kid": hashlib.sha256(modulus.encode()).hexdigest()[:40]})


def _private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _certificate(key: RSAKey, now: datetime) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.sandbox")])
    private = key.private_key
    assert private is not None
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(int(str(key.kid), 16) >> 8)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=30))
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
