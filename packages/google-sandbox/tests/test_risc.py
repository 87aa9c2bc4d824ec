"""Cross-Account Protection: streams, and signed events that reach them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from google_sandbox import Sandbox
from google_sandbox.risc.stream_routes import AUDIENCE
from google_sandbox.risc.streams import EVENTS, PUSH
from sandbox_support.clock import Clock
from sandbox_support.person import CALENDARS, CLIENT
from sandbox_support.receiver import Receiver, receiving

WHO = "mia@example.com"


@pytest.fixture
async def app() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def bearer(key: dict[str, str], clock: Clock, **change: Any) -> dict[str, str]:
    now = int(clock().timestamp())
    claims = {
        "iss": key["client_email"],
        "sub": key["client_email"],
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 3600,
    }
    header = {"alg": "RS256", "kid": key["private_key_id"]}
    token = jwt.encode(header, {**claims, **change}, RSAKey.import_key(key["private_key"]))
    return {"authorization": f"Bearer {token}"}


def wish(app: Receiver, *events: str) -> dict[str, Any]:
    delivery = {"delivery_method": PUSH, "url": app.address}
    return {"delivery": delivery, "events_requested": [EVENTS[event] for event in events]}


async def read(http: httpx2.AsyncClient, app: Receiver) -> dict[str, Any]:
    headers, body = await app.next()
    assert headers["content-type"] == "application/secevent+jwt"
    configuration = (await http.get("/.well-known/risc-configuration")).json()
    keys = KeySet.import_key_set((await http.get(configuration["jwks_uri"])).json())
    claims = jwt.decode(body.decode(), keys, algorithms=["RS256"]).claims
    assert claims["iss"] == configuration["issuer"] and claims["iss"].endswith("/")
    assert claims["aud"] == CLIENT and claims["jti"] and "exp" not in claims
    return claims["events"]


async def test_an_event_reaches_the_stream_that_asked_for_it(
    app: Receiver, http: httpx2.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    who = bearer(sandbox.add_service_account(), clock)
    assert sandbox.send_security_event("sessions-revoked", WHO) is None, "nobody asked yet"
    made = await http.post(
        "/v1beta/stream:update", json=wish(app, "sessions-revoked", "token-revoked"), headers=who
    )
    assert (made.status_code, (await http.get("/v1beta/stream", headers=who)).json()) == (200, made.json())
    assert sandbox.send_security_event("sessions-revoked", WHO)
    (subject,) = (await read(http, app)).values()
    sub = sandbox.account(WHO).sub
    assert subject == {"subject": {"subject_type": "iss-sub", "iss": f"{sandbox.base_url}/", "sub": sub}}
    assert sandbox.send_security_event("account-disabled", WHO, reason="hijacking") is None
    token = sandbox.grant(WHO, CLIENT, [CALENDARS])["refresh_token"]
    twice = hashlib.sha512(hashlib.sha512(token.encode()).digest()).digest()
    for hashed, shown in ((False, token[:16]), (True, base64.b64encode(twice).decode())):
        sandbox.send_security_event("token-revoked", refresh_token=token, hashed=hashed)
        event = (await read(http, app))[EVENTS["token-revoked"]]["subject"]
        assert (event["token"], event["token_type"]) == (shown, "refresh_token")


async def test_a_stream_can_be_verified_and_switched_off(
    app: Receiver, http: httpx2.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    who = bearer(sandbox.add_service_account(), clock)
    assert (await http.get("/v1beta/stream", headers=who)).status_code == 404
    await http.post("/v1beta/stream:update", json=wish(app, "account-disabled"), headers=who)
    await http.post("/v1beta/stream:verify", json={"state": "s-1"}, headers=who)
    assert await read(http, app) == {EVENTS["verification"]: {"state": "s-1"}}
    sandbox.state.delivery.retry_seconds = 0.01
    app.answers = [503, 202]
    sandbox.send_security_event("account-disabled", WHO, reason="hijacking")
    first, second = await read(http, app), await read(http, app)
    assert first == second and first[EVENTS["account-disabled"]]["reason"] == "hijacking"
    off = await http.post("/v1beta/stream/status:update", json={"status": "disabled"}, headers=who)
    assert (
        off.json() == (await http.get("/v1beta/stream/status", headers=who)).json() == {"status": "disabled"}
    )
    assert sandbox.send_security_event("account-disabled", WHO) is None


async def test_management_wants_a_jwt_of_a_known_service_account(
    app: Receiver, http: httpx2.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    key, other = sandbox.add_service_account(), sandbox.add_service_account("elsewhere")
    now = int(clock().timestamp())
    for bad in (
        {},
        {"authorization": "Bearer nonsense"},
        bearer({**key, "private_key": other["private_key"]}, clock),
        bearer(key, clock, aud="https://example.com"),
        bearer(key, clock, exp=now - 1),
        bearer(key, clock, exp=now + 7200),
        bearer(key, clock, sub="somebody else"),
    ):
        assert (await http.get("/v1beta/stream", headers=bad)).status_code == 401
    who = bearer(key, clock)
    for body, status in (
        ({}, 400),
        ({**wish(app), "events_requested": ["earthquake"]}, 400),
        (
            {**wish(app, "account-enabled"), "delivery": {"delivery_method": PUSH, "url": "http://a.test"}},
            403,
        ),
    ):
        assert (await http.post("/v1beta/stream:update", json=body, headers=who)).status_code == status
