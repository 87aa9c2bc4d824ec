"""ID tokens: every check of OpenID Connect Core 3.1.3.7, and keys fetched once an hour."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from catflap.clock import FixedClock
from catflap.errors import Tampered, TryAgain
from catflap.google.discovery import Discovery
from catflap.google.id_token import Identity, IdTokens
from catflap.google.jwks import JwksCache
from tests.support.jwt import _encode, hs256

CLIENT_ID = "4711-web.apps.googleusercontent.com"
GOOGLE = "https://accounts.google.com"
DISCOVERY = {
    "issuer": GOOGLE,
    "authorization_endpoint": f"{GOOGLE}/o/oauth2/v2/auth",
    "token_endpoint": "https://oauth2.googleapis.com/token",
    "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
    "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
}


@dataclass
class Google:
    """Discovery and keys, with every request counted."""

    clock: FixedClock
    keys: dict[str, RSAKey] = field(default_factory=dict)
    cache_control: str = "public, max-age=21600"
    broken: bool = False
    fetched: int = 0

    def __post_init__(self) -> None:
        self.rotate("first")

    def rotate(self, kid: str) -> None:
        self.keys[kid] = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})

    def sign(
        self, kid: str = "first", key: Any = None, header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": GOOGLE,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": "110169484474386276334",
            "email": "alice@example.com",
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
            **changes,
        }
        present = {name: value for name, value in claims.items() if value is not None}
        header = header or {"alg": "RS256", "kid": kid}
        return jwt.encode(header, present, key or self.keys[kid], algorithms=[header["alg"]])

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("openid-configuration"):
            return httpx2.Response(200, json=DISCOVERY)
        self.fetched += 1
        if self.broken:
            return httpx2.Response(503)
        keys = [key.as_dict(private=False) for key in self.keys.values()]
        return httpx2.Response(200, json={"keys": keys}, headers={"Cache-Control": self.cache_control})

    def verifier(self) -> IdTokens:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))
        discovery = Discovery(http, f"{GOOGLE}/.well-known/openid-configuration")
        return IdTokens(JwksCache(http, discovery.jwks_uri, self.clock), discovery, self.clock)


@pytest.fixture
def google(clock: FixedClock) -> Google:
    return Google(clock)


async def verify(google: Google, token: str, **more: Any) -> Identity:
    return await google.verifier().verify(token, **{"audiences": (CLIENT_ID,), **more})


async def test_a_valid_token_gives_the_whole_profile(google: Google) -> None:
    claims = {
        "name": "Calico Cat",
        "given_name": "Calico",
        "family_name": "Cat",
        "picture": "https://lh3.example/a",
        "locale": "en-GB",
        "hd": "example.com",
    }
    found = await verify(google, google.sign(**claims))
    assert found == Identity(
        sub="110169484474386276334",
        email="alice@example.com",
        email_verified=True,
        name="Calico Cat",
        given_name="Calico",
        family_name="Cat",
        picture="https://lh3.example/a",
        locale="en-GB",
        hosted_domain="example.com",
    )


@pytest.mark.parametrize(
    ("given", "verified"),
    [
        (True, True),
        ("true", True),
        (False, False),
        ("false", False),
        (None, False),
        ("yes", False),
        ([True], False),
    ],
)
async def test_a_verified_address_may_be_spelled_as_text(
    google: Google, given: object, verified: bool
) -> None:
    assert (await verify(google, google.sign(email_verified=given))).email_verified is verified


@pytest.mark.parametrize("issuer", [GOOGLE, "accounts.google.com"])
async def test_both_of_googles_issuers_are_believed(google: Google, issuer: str) -> None:
    assert (await verify(google, google.sign(iss=issuer))).sub


async def test_a_native_apps_token_is_for_our_web_client(google: Google) -> None:
    assert (await verify(google, google.sign(azp="4711-android.apps.googleusercontent.com"))).sub


_BAD: dict[str, Callable[[Google], str]] = {
    "iss another": lambda g: g.sign(iss="https://accounts.google.com.evil.example"),
    "iss missing": lambda g: g.sign(iss=None),
    "iss list": lambda g: g.sign(iss=[GOOGLE]),
    "aud another": lambda g: g.sign(aud="4712-other.apps.googleusercontent.com"),
    "aud list": lambda g: g.sign(aud=[CLIENT_ID, "another"]),
    "aud missing": lambda g: g.sign(aud=None),
    "azp of another project": lambda g: g.sign(azp="4712-evil.apps.googleusercontent.com"),
    "exp past the skew": lambda g: g.sign(exp=int(g.clock.now().timestamp()) - 60),
    "exp missing": lambda g: g.sign(exp=None),
    "exp text": lambda g: g.sign(exp="9999999999"),
    "exp nan": lambda g: g.sign(exp=float("nan")),
    "iat in the future": lambda g: g.sign(iat=int(g.clock.now().timestamp()) + 61),
    "iat missing": lambda g: g.sign(iat=None),
    "sub missing": lambda g: g.sign(sub=None),
    "sub empty": lambda g: g.sign(sub=""),
    "sub number": lambda g: g.sign(sub=7),
    "sub too long": lambda g: g.sign(sub="1" * 256),
    "sub not ascii": lambda g: g.sign(sub="１１"),
    "alg none": lambda g: "eyJhbGciOiJub25lIn0." + g.sign().split(".")[1] + ".",
    "alg HS256 with the public key": lambda g: hs256(g.sign(), g.keys["first"].as_pem(private=False)),
    "alg RS512": lambda g: g.sign(key=RSAKey.generate_key(2048), header={"alg": "RS512", "kid": "first"}),
    "alg ES256": lambda g: g.sign(key=ECKey.generate_key("P-256"), header={"alg": "ES256", "kid": "first"}),
    "kid unknown": lambda g: g.sign(
        key=RSAKey.generate_key(2048), header={"alg": "RS256", "kid": "nobody's"}
    ),
    "kid missing": lambda g: g.sign(header={"alg": "RS256"}),
    "kid number": lambda g: g.sign(header={"alg": "RS256", "kid": "7"}),
    "signed by another": lambda g: g.sign(key=RSAKey.generate_key(2048)),
    "payload changed": lambda g: _with_other_payload(g.sign()),
    "signature cut": lambda g: g.sign()[:-8],
    "two parts": lambda g: g.sign().rsplit(".", 1)[0],
    "five parts": lambda g: g.sign() + ".a.b",
    "empty": lambda g: "",
    "text": lambda g: "not a token",
    "not ascii": lambda g: "é.é.é",
    "huge": lambda g: "a" * 20_000,
    "crit": lambda g: _with_header(g.sign(), {"alg": "RS256", "kid": "first", "crit": ["exp"]}),
    "payload no object": lambda g: jwt_of_list(g),
}


@pytest.mark.parametrize("name", _BAD)
async def test_a_bad_token_is_refused(google: Google, name: str) -> None:
    token = _BAD[name](google)
    with pytest.raises(Tampered) as caught:
        await verify(google, token)
    assert caught.value.code == "id_token_invalid"
    assert not token or token not in str(caught.value) + str(caught.value.detail)


async def test_the_clock_may_differ_by_less_than_a_minute(google: Google) -> None:
    now = int(google.clock.now().timestamp())
    assert (await verify(google, google.sign(exp=now - 59))).sub
    assert (await verify(google, google.sign(iat=now + 59))).sub


@pytest.mark.parametrize("claimed", [None, "another", ""])
async def test_the_nonce_must_be_ours(google: Google, claimed: str | None) -> None:
    with pytest.raises(Tampered):
        await verify(google, google.sign(nonce=claimed), nonce="ours")
    assert (await verify(google, google.sign(nonce="ours"), nonce="ours")).sub


@pytest.mark.parametrize("claimed", [None, "evil.example", "EXAMPLE.com.evil"])
async def test_a_restricted_domain_is_compared_with_the_claim(google: Google, claimed: str | None) -> None:
    with pytest.raises(Tampered):
        await verify(google, google.sign(hd=claimed), hosted_domain="example.com")
    assert (await verify(google, google.sign(hd="example.com"), hosted_domain="example.com")).sub


async def test_keys_are_fetched_once_for_many_sign_ins(google: Google) -> None:
    verifier, token = google.verifier(), google.sign()
    await asyncio.gather(*(verifier.verify(token, audiences=(CLIENT_ID,)) for _ in range(20)))
    google.clock.advance(timedelta(minutes=50))
    await verifier.verify(google.sign(), audiences=(CLIENT_ID,))
    assert google.fetched == 1


async def test_keys_are_kept_as_long_as_cache_control_says(google: Google) -> None:
    google.cache_control = "public, max-age=100"
    verifier = google.verifier()
    for seconds, fetched in ((0, 1), (99, 1), (1, 2)):
        google.clock.advance(timedelta(seconds=seconds))
        await verifier.verify(google.sign(), audiences=(CLIENT_ID,))
        assert google.fetched == fetched


async def test_without_cache_control_keys_are_kept_for_an_hour(google: Google) -> None:
    google.cache_control = ""
    verifier = google.verifier()
    for minutes, fetched in ((0, 1), (59, 1), (1, 2)):
        google.clock.advance(timedelta(minutes=minutes))
        await verifier.verify(google.sign(), audiences=(CLIENT_ID,))
        assert google.fetched == fetched


async def test_a_new_key_is_found_by_one_more_fetch(google: Google) -> None:
    verifier = google.verifier()
    await verifier.verify(google.sign(), audiences=(CLIENT_ID,))
    google.clock.advance(timedelta(minutes=2))
    google.rotate("second")
    await verifier.verify(google.sign("second"), audiences=(CLIENT_ID,))
    assert google.fetched == 2


async def test_made_up_key_ids_cannot_make_us_hammer_google(google: Google) -> None:
    verifier = google.verifier()
    await verifier.verify(google.sign(), audiences=(CLIENT_ID,))
    for number in range(20):
        google.clock.advance(timedelta(seconds=6))
        forged = google.sign(header={"alg": "RS256", "kid": f"made-up-{number}"})
        with pytest.raises(Tampered):
            await verifier.verify(forged, audiences=(CLIENT_ID,))
    assert google.fetched <= 1 + 2


async def test_keys_that_cannot_be_fetched_say_try_again(google: Google) -> None:
    google.broken = True
    with pytest.raises(TryAgain):
        await verify(google, google.sign())


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"<html>", b'{"keys": [7]}', b'{"keys": [{"kty": "RSA", "kid": "a"}]}']
)
async def test_unreadable_keys_say_try_again(google: Google, body: bytes) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        found = google.answer(request)
        return found if "openid" in request.url.path else httpx2.Response(200, content=body)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    discovery = Discovery(http, f"{GOOGLE}/.well-known/openid-configuration")
    verifier = IdTokens(JwksCache(http, discovery.jwks_uri, google.clock), discovery, google.clock)
    with pytest.raises(TryAgain):
        await verifier.verify(google.sign(), audiences=(CLIENT_ID,))


async def test_a_symmetric_key_in_the_key_set_is_never_used(google: Google) -> None:
    shared = OctKey.generate_key(256, {"kid": "shared", "alg": "HS256"})
    genuine = google.answer

    def answer(request: httpx2.Request) -> httpx2.Response:
        if "openid" in request.url.path:
            return genuine(request)
        return httpx2.Response(200, json={"keys": [shared.as_dict(private=True)]})

    google.answer = answer  # type: ignore[method-assign]
    for algorithm in ("HS256", "RS256"):
        header = {"alg": algorithm, "kid": "shared"}
        key = shared if algorithm == "HS256" else google.keys["first"]
        with pytest.raises(Tampered):
            await verify(google, google.sign(key=key, header=header))


def _with_other_payload(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(_decode(payload)) | {"sub": "2"}
    return f"{header}.{_encode(claims)}.{signature}"


def _with_header(token: str, header: dict[str, Any]) -> str:
    return f"{_encode(header)}.{token.split('.', 1)[1]}"


def jwt_of_list(google: Google) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "first"}, b"[1]", google.keys["first"])


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
