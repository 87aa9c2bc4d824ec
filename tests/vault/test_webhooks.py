"""Webhooks: signed, retried, and never sent to private addresses."""

import base64
import datetime
import ipaddress
import json
from datetime import timedelta

import httpx2
import pytest
import standardwebhooks
from sqlalchemy import select

from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.store.vault_tables import webhook_deliveries
from catflap.vault import Grants, Vault
from catflap.vault.webhooks import Address, Webhooks, is_public, sign
from tests.support.webhook_receiver import NAME, Receiver, due
from tests.vault.conftest import ExpireToken, Google, GrantConsent


async def test_a_change_of_a_grant_is_delivered_signed_and_once(
    vault: Vault,
    webhooks: Webhooks,
    receiver: Receiver,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
) -> None:
    hook, secret = await webhooks.create(f"https://{NAME}:{receiver.port}/catflap")
    grant = await grant_consent()
    await expire_token(grant)
    google.revoke_access()
    with pytest.raises(Exception, match="reconsent"):
        await vault.access_token(grant.user_id)
    for delivery in [*await due(webhooks), *await due(webhooks)]:
        await webhooks.deliver(delivery)
    assert await due(webhooks) == []
    told = {json.loads(body)["type"]: (headers, body) for headers, body in receiver.got}
    assert set(told) == {"grant.active", "grant.reconsent"} and len(receiver.got) == 2
    headers, body = told["grant.reconsent"]
    at = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == sign(secret, headers["webhook-id"], at, body)
    assert headers["host"] == f"{NAME}:{receiver.port}"
    assert json.loads(body)["data"]["reason"] == "invalid_grant" and "token" not in body
    assert secret not in repr(hook) and repr(await webhooks.all()).count("whsec") == 0


async def test_what_is_not_delivered_is_tried_again_later_and_given_up_in_the_end(
    webhooks: Webhooks, receiver: Receiver, grant_consent: GrantConsent, clock: FixedClock, grants: Grants
) -> None:
    await webhooks.create(f"https://{NAME}:{receiver.port}/catflap", ["grant.active"])
    receiver.status = 503
    await grant_consent()
    (delivery,) = await due(webhooks)
    await webhooks.deliver(delivery)
    assert await due(webhooks) == []
    tries = 1
    while tries < 20:
        clock.advance(timedelta(days=1, seconds=1))
        if not await due(webhooks):
            break
        await webhooks.deliver(delivery)
        tries += 1
    assert tries == len(receiver.got) == 10
    async with grants.engine.connect() as connection:
        row = (await connection.execute(select(webhook_deliveries))).one()
    assert (row.outcome, row.done_at is not None) == ("HTTP 503", True)


@pytest.mark.parametrize(
    ("status", "over"), [(200, True), (204, True), (410, True), (302, False), (500, False)]
)
async def test_only_an_answer_of_success_is_delivery(
    webhooks: Webhooks,
    receiver: Receiver,
    grant_consent: GrantConsent,
    clock: FixedClock,
    status: int,
    over: bool,
) -> None:
    await webhooks.create(f"https://{NAME}:{receiver.port}/catflap", ["grant.active"])
    receiver.status = status
    await grant_consent()
    (delivery,) = await due(webhooks)
    await webhooks.deliver(delivery)
    clock.advance(timedelta(hours=1))
    assert (await due(webhooks) == []) == over
    assert len(receiver.got) == 1


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 X\r\nContent-Length: 999999\r\n\r\n"])
async def test_a_response_that_never_ends_does_not_block_other_deliveries(
    webhooks: Webhooks,
    receiver: Receiver,
    grant_consent: GrantConsent,
    grants: Grants,
    monkeypatch: pytest.MonkeyPatch,
    begun: bytes,
) -> None:
    monkeypatch.setattr("catflap.vault.webhooks._TIMEOUT_SECONDS", 0.5)
    receiver.dripping = begun
    await webhooks.create(f"https://{NAME}:{receiver.port}/catflap", ["grant.active"])
    await grant_consent()
    (delivery,) = await due(webhooks)
    await webhooks.deliver(delivery)
    async with grants.engine.connect() as connection:
        row = (await connection.execute(select(webhook_deliveries))).one()
    # The status says all there is to know, so the body is not read.
    assert row.outcome == ("delivered" if begun else "TimeoutError")


async def test_a_name_that_turns_inwards_after_registration_is_not_followed(
    grants: Grants, clock: FixedClock, receiver: Receiver, grant_consent: GrantConsent
) -> None:
    answers = ["93.184.215.14", "127.0.0.1"]

    async def turning(host: str, port: int) -> list[Address]:
        return [ipaddress.ip_address(answers.pop(0))]

    async with httpx2.AsyncClient() as http:
        webhooks = Webhooks(grants.engine, grants.cipher, clock, http, resolve=turning)
        await webhooks.create(f"https://{NAME}:{receiver.port}/x")
        await grant_consent()
        (delivery,) = await due(webhooks)
        await webhooks.deliver(delivery)
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "https://user:password@hooks.example.com/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/x",
        "https://localhost/x",
        "ftp://hooks.example.com/x",
        "nonsense",
        "https:///x",
    ],
)
async def test_our_own_network_can_not_be_registered(grants: Grants, clock: FixedClock, url: str) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(BadRequest) as caught:
            await Webhooks(grants.engine, grants.cipher, clock, http).create(url)
    assert caught.value.code == "webhook_address_refused"


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1",
     "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "ff02::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_public_addresses() -> None:
    assert is_public(ipaddress.ip_address("93.184.215.14"))
    assert is_public(ipaddress.ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"))


def test_the_official_library_accepts_our_signature_and_no_other_body() -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    at, body = datetime.datetime.now(datetime.UTC), '{"type": "grant.active"}'
    signature = sign(secret, "msg_1", int(at.timestamp()), body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    receiver = standardwebhooks.Webhook(secret)
    assert receiver.verify(body, headers) == {"type": "grant.active"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(body + " ", headers)
