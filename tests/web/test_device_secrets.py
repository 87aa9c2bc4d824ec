"""No code, token, address of a sound or text of a device is ever in a log or, in clear, in the database."""

import hashlib
import json
import logging

import pytest
from structlog.testing import capture_logs

from tests.support.app_client import BOB, RunningApp
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow  # starts an application

TOKEN, NEXT = "canary-token-of-the-device", "canary-next-token"
SAID = "canary spoken words"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_no_secret_of_a_device_is_logged_or_stored_in_clear(
    app: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    alice, bob = await app.browser(), await app.browser(BOB)
    with capture_logs() as said:
        for browser in (alice, bob):
            await browser.sign_in()
        body = {"token_sha256": sha256(TOKEN), "model": "canary-model"}
        begun = (await app.client.post("/v1/pairings", json=body)).json()
        await alice.send("POST", "/v1/devices", json={"code": "BCDF-GHJK"})
        await alice.send("POST", "/v1/pairings/preview", json={"code": begun["code"]})
        claimed = await alice.send("POST", "/v1/devices", json={"code": begun["code"]})
        await app.client.get(f"/v1/pairings/{begun['handle']}")
        device = f"/v1/devices/{claimed.json()['id']}"
        invited = (await alice.send("POST", f"{device}/invitations")).json()["code"]
        for _ in range(2):
            await bob.send("POST", "/v1/invitations/accept", json={"code": invited})
        headers = {"Authorization": f"Bearer {TOKEN}"}
        await alice.send("POST", "/v1/say", json={"text": SAID})
        await run_jobs(app, but=())
        document = (await app.client.get("/v1/device/schedule", headers=headers)).json()
        sounds = [one["audio"]["url"] for one in document["announcements"] if one["audio"]]
        assert sounds
        for url in sounds:
            await app.client.get(url)
            await app.client.get(url[:-9] + "canary.wav")
        ack = {"announcement": "canary-id", "state": "played", "at": "2026-11-24T09:00:00Z", "detail": "x"}
        await app.client.post("/v1/device/acks", json=ack, headers=headers)
        await app.client.post("/v1/device/token", json={"token_sha256": sha256(NEXT)}, headers=headers)
        await app.client.get("/v1/device/schedule", headers=headers)
        await alice.send("DELETE", device)
    # What the test's own client says of its requests.
    lines = [one.getMessage() for one in caplog.records if not one.name.startswith("http")]
    log = json.dumps(said, default=str) + "\n".join(lines)
    secret = [begun["code"], begun["handle"], invited, TOKEN, NEXT, sha256(TOKEN), sha256(NEXT), SAID]
    secret += [url.rsplit(".", 2)[1] for url in sounds] + ["canary-model", "canary-id", "canary.wav"]
    assert [one for one in secret if one in log] == []
    stored = await app.dump()
    assert [one for one in (begun["code"], begun["handle"], invited, TOKEN, NEXT) if one in stored] == []
