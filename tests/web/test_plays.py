"""What became of recent announcements: on each device, in order, without texts, and of nobody else's."""

from datetime import timedelta
from typing import Any

import pytest

from catflap.clock import rfc3339
from tests.support.app_client import BOB, RunningApp
from tests.support.device_announcements import DeviceOwner

pytestmark = pytest.mark.slow  # starts an application for each test

MINUTE = timedelta(minutes=1)
SECRET = "Zebra"


@pytest.fixture
async def owner(app: RunningApp) -> DeviceOwner:
    owner = await DeviceOwner.sign_in(app)
    await owner.pair()
    return owner


async def plays(owner: DeviceOwner, query: str = "") -> list[dict[str, Any]]:
    answer = await owner.browser.get(f"/v1/plays{query}")
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    found: list[dict[str, Any]] = answer.json()["devices"]
    return found


async def acknowledge(owner: DeviceOwner, name: str, state: str, at: str, detail: str | None = None) -> None:
    body = {"announcement": name, "state": state, "at": at, **({"detail": detail} if detail else {})}
    headers = {"Authorization": f"Bearer {owner.token}"}
    answer = await owner.app.client.post("/v1/device/acks", json=body, headers=headers)
    assert answer.status_code == 204, answer.text


async def test_each_outcome_is_told_oldest_first_with_its_reason_and_lateness(owner: DeviceOwner) -> None:
    begin = owner.app.clock.now()
    text = {"display": SECRET, "titles": [SECRET]}
    for number, more in enumerate(
        [{}, {}, {"state": "held", "held_for": "meeting"}, {}, {"state": "cancelled"}, {}]
    ):
        at = begin + number * MINUTE
        await owner.plan(f"a{number}", at, expires_at=at + 10 * MINUTE, **text, **more)
    owner.app.clock.advance(5 * MINUTE)
    # Its sound lasts a second, after which it is acknowledged.
    await acknowledge(owner, "a0", "played", rfc3339(begin + timedelta(seconds=3.5)))
    await acknowledge(owner, "a1", "failed", rfc3339(begin + MINUTE), "no_sound")
    await acknowledge(owner, "a3", "held", rfc3339(begin + 3 * MINUTE), "muted")
    (told,) = await plays(owner)
    assert told["device"] == owner.device_id
    shown = [(one["state"], one["reason"], one["late_seconds"]) for one in told["plays"]]
    kept = [("held", "meeting", None), ("held", "muted", None)]
    assert shown == [("played", None, 2.5), ("failed", "no_sound", None), *kept]
    assert told["plays"][0]["play_at"] == rfc3339(begin)
    # What nobody has told of is missed when it has expired.
    owner.app.clock.advance(10 * MINUTE)
    (told,) = await plays(owner)
    last = told["plays"][-1]
    assert (last["state"], last["reason"], len(told["plays"])) == ("missed", None, 5)
    assert [one["state"] for one in (await plays(owner, "?limit=2"))[0]["plays"]] == ["held", "missed"]


async def test_on_a_shared_device_each_member_sees_their_own_only(owner: DeviceOwner) -> None:
    bob = await owner.app.browser(BOB)
    await bob.sign_in()
    invited = await owner.browser.send("POST", f"/v1/devices/{owner.device_id}/invitations")
    await bob.send("POST", "/v1/invitations/accept", json={"code": invited.json()["code"]})
    await owner.plan("ours", owner.app.clock.now())
    await acknowledge(owner, "ours", "played", rfc3339(owner.app.clock.now() + timedelta(seconds=1)))
    assert [len(one["plays"]) for one in await plays(owner)] == [1]
    assert (await bob.get("/v1/plays")).json() == {"devices": []}
    assert (await owner.app.client.get("/v1/plays")).status_code == 401


@pytest.mark.parametrize("limit", ["0", "101", "x", ""])
async def test_a_limit_that_is_none_is_refused(owner: DeviceOwner, limit: str) -> None:
    answer = await owner.browser.get(f"/v1/plays?limit={limit}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
