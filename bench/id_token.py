"""How many ID tokens one core verifies in a second."""

import time

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.records import Rows
from bench.vault_stage import CLIENT_ID
from catflap.clock import SystemClock
from catflap.google.discovery import Discovery
from catflap.google.id_token import IdTokens
from catflap.google.jwks import JwksCache

ISSUER = "https://accounts.google.com"


async def verifications(count: int) -> Rows:
    """Verify ID tokens one after the other on one core, without caching."""
    key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})
    fetched = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal fetched
        if "openid" in request.url.path:
            names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri")
            return httpx2.Response(200, json={"issuer": ISSUER, **dict.fromkeys(names, f"{ISSUER}/x")})
        fetched += 1
        return httpx2.Response(200, json={"keys": [key.as_dict(private=False)]})

    clock = SystemClock()
    now = int(clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "azp": CLIENT_ID, "iat": now, "exp": now + 3600}
    tokens = [
        jwt.encode(
            {"alg": "RS256", "kid": "bench"}, {**claims, "sub": str(number), "email": "a@example.com"}, key
        )
        for number in range(100)
    ]
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        discovery = Discovery(http, f"{ISSUER}/.well-known/openid-configuration")
        verifier = IdTokens(JwksCache(http, discovery.jwks_uri, clock), discovery, clock)
        await verifier.verify(tokens[0], audiences=(CLIENT_ID,))
        began = time.process_time()
        for number in range(count):
            await verifier.verify(tokens[number % 100], audiences=(CLIENT_ID,))
        took = time.process_time() - began
    return {
        "ID tokens verified a second and core": round(count / took),
        f"fetches of keys during {count} verifications": fetched,
    }
