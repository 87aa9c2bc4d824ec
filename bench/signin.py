"""The time of a sign-in without Google's part, and of ID token verification.

The sandbox runs in its own process; the application, its client and PostgreSQL share the rest. Our share
is the difference of two medians: the whole exchange over HTTP, and the bare call to the token endpoint.
"""

import statistics
import time
from collections.abc import Awaitable, Callable

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.records import Rows
from bench.vault_stage import CLIENT_ID, Stage
from catflap.app import open_catflap
from catflap.cli.http_server import bind, port_of, serving
from catflap.clock import SystemClock
from catflap.google.discovery import Discovery
from catflap.google.id_token import IdTokens
from catflap.google.jwks import JwksCache

ISSUER = "https://accounts.google.com"


async def exchanges(stage: Stage, *, people: int) -> Rows:
    """Sign in with codes of native apps: new users, then known ones."""
    listener = bind("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{port_of(listener)}"
    settings = stage.settings(port=port_of(listener), signins_per_minute=1_000_000)
    emails = [one["email"] for one in await stage.google.accounts(people, "signin.example.com")]
    async with (
        open_catflap(settings) as catflap,
        serving(catflap.web, listener),
        httpx2.AsyncClient() as http,
    ):

        async def sign_in(code: str) -> None:
            answer = await http.post(f"{origin}/signin/google/code", json={"client": "native", "code": code})
            assert answer.status_code == 200, answer.text

        async def bare(code: str) -> None:
            await stage.oauth.exchange(code, redirect_uri="")

        await sign_in(await stage.google.code(emails[0]))
        await bare(await stage.google.code(emails[0]))
        await stage.google.forget()
        google, first, again = [], [], []
        # Interleaved, so that load on the machine affects all three alike.
        for email in emails:
            google.append(await _timed(stage, email, bare))
            first.append(await _timed(stage, email, sign_in))
            again.append(await _timed(stage, email, sign_in))
    keys = int((await stage.google._control("GET", "requests?endpoint=none"))["counts"].get("oauth.jwks", 0))
    spent = statistics.median(google)
    return {
        "bare exchange at the token endpoint, median, ms": round(spent, 2),
        "first sign-in over HTTP, median, ms": round(statistics.median(first), 2),
        "later sign-in over HTTP, median, ms": round(statistics.median(again), 2),
        "our own share of a first sign-in, median, ms": round(statistics.median(first) - spent, 2),
        "our own share of a later sign-in, median, ms": round(statistics.median(again) - spent, 2),
        f"fetches of Google's keys during {2 * people} sign-ins": keys,
    }


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


async def _timed(stage: Stage, email: str, redeem: Callable[[str], Awaitable[None]]) -> float:
    code = await stage.google.code(email)
    began = time.perf_counter()
    await redeem(code)
    return (time.perf_counter() - began) * 1000
