"""A home with a device that two users share, over the HTTP API and through their plans."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from catflap.clock import rfc3339
from catflap.work.periodic import PeriodicTasks
from tests.support.app_client import ALICE, BOB, Browser, RunningApp
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow  # starts an application for each test

TOKEN = {"Authorization": "Bearer robot"}
MINUTE = timedelta(minutes=1)
SECRET = "Zebra"
TOKYO = {
    "zone": "Asia/Tokyo",
    "reminder_minutes": [5],
    "briefing_at": "07:00",
    "dialect_ja": "kansai",
    "dialect_en": "kitten",
}


class Home:
    """Alice owns a device, and Bob has a browser of his own."""

    def __init__(self, app: RunningApp, alice: Browser, bob: Browser, device: int) -> None:
        self.app, self.alice, self.bob, self.device = app, alice, bob, device
        self.path = f"/v1/devices/{device}"

    @classmethod
    async def open(cls, app: RunningApp) -> "Home":
        browsers = [await app.browser(email) for email in (ALICE, BOB)]
        for browser in browsers:
            await browser.sign_in()
        body = {"token_sha256": hashlib.sha256(b"robot").hexdigest(), "model": "robot"}
        code = (await app.client.post("/v1/pairings", json=body)).json()["code"]
        claimed = await browsers[0].send("POST", "/v1/devices", json={"code": code, "name": "Mia"})
        return cls(app, *browsers, claimed.json()["id"])

    async def invite(self) -> str:
        made = await self.alice.send("POST", f"{self.path}/invitations")
        assert made.status_code == 201, made.text
        code: str = made.json()["code"]
        return code

    async def join(self, **choice: bool) -> None:
        body = {"code": await self.invite(), **choice}
        joined = await self.bob.send("POST", "/v1/invitations/accept", json=body)
        assert joined.status_code == 201, joined.text
        await self.plan()

    def insert(self, email: str, title: str, minutes: int = 180) -> None:
        at = self.app.clock.now() + minutes * MINUTE
        times = {"start": at, "end": at + 30 * MINUTE}
        moments = {name: {"dateTime": moment.isoformat()} for name, moment in times.items()}
        self.app.sandbox.insert_event(email, {"summary": title, **moments})

    async def plan(self) -> None:
        await run_jobs(self.app)

    async def schedule(self) -> list[dict[str, Any]]:
        answer = await self.app.client.get("/v1/device/schedule", headers=TOKEN)
        found: list[dict[str, Any]] = answer.json()["announcements"]
        return [one for one in found if one["kind"] in ("before", "start", "say", "repeat")]

    async def texts(self, kind: str = "before") -> list[str]:
        return [one["text"] for one in await self.schedule() if one["kind"] == kind]


@pytest.fixture
async def home(app: RunningApp) -> Home:
    return await Home.open(app)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_each_member_is_announced_as_they_chose_and_nobody_sees_the_plan_of_another(home: Home) -> None:
    home.insert(ALICE, "Standup")
    home.insert(BOB, SECRET)
    await home.plan()
    assert len(await home.texts()) == 1
    await home.join()
    ours, theirs = sorted(await home.texts(), key=lambda text: "Bob" in text)
    assert "Standup" in ours and "Alice" not in ours
    assert "Bob" in theirs and "appointment" in theirs and SECRET not in theirs
    # Of all that Alice can read, with her session and as the owner, nothing has his title.
    answers = [await home.alice.get(path) for path in ("/v1/announcements", "/v1/me/export", "/v1/devices")]
    answers += [await home.alice.get(f"{home.path}/members")]
    answers += [await home.app.client.get("/v1/device/schedule", headers=TOKEN)]
    assert SECRET not in "".join(answer.text for answer in answers)
    answers = [await home.bob.get(path) for path in ("/v1/announcements", "/v1/me/export", "/v1/devices")]
    assert "Standup" not in "".join(answer.text for answer in answers)
    mine = {one["device"] for one in (await home.bob.get("/v1/announcements")).json()["announcements"]}
    assert mine == {home.device}
    changed = await home.bob.send(
        "PATCH", f"{home.path}/members/me", json={"says_titles": True, "says_name": False}
    )
    assert changed.json().items() >= {"says_titles": True, "says_name": False, "is_owner": False}.items()
    await home.plan()
    assert [SECRET in text for text in await home.texts()].count(True) == 1
    assert "Bob" not in " ".join(await home.texts())
    await home.alice.send("PATCH", f"{home.path}/members/me", json={"says_name": True})
    await home.plan()
    assert [text for text in await home.texts() if "Alice" in text and "Standup" in text]


async def test_a_member_changes_nothing_of_the_device_and_others_know_nothing_of_it(home: Home) -> None:
    await home.join()
    (device,) = (await home.bob.get("/v1/devices")).json()["devices"]
    assert (device["id"], device["is_owner"], device["name"]) == (home.device, False, "Mia")
    for method, path, body in (
        ("PATCH", "", {"volume": 3}),
        ("DELETE", "", None),
        ("POST", "/invitations", None),
        ("DELETE", "/invitations", None),
    ):
        answer = await home.bob.send(method, home.path + path, json=body)
        assert code_of(answer) == (404, "not_found"), (method, path)
    own = (await home.bob.get(f"{home.path}/members")).json()["members"]
    assert [one["is_owner"] for one in own] == [False]
    every = (await home.alice.get(f"{home.path}/members")).json()["members"]
    assert [one["is_owner"] for one in every] == [True, False]
    alice_id = every[0]["user_id"]
    # Neither may a member remove the owner, nor the owner themselves.
    assert code_of(await home.bob.send("DELETE", f"{home.path}/members/{alice_id}")) == (404, "not_found")
    answer = await home.alice.send("DELETE", f"{home.path}/members/{alice_id}")
    assert code_of(answer) == (400, "invalid_request")
    home.app.sandbox.add_account("carol@example.com")
    carol = await home.app.browser("carol@example.com")
    await carol.sign_in()
    assert code_of(await carol.get(f"{home.path}/members")) == (404, "not_found")
    answer = await carol.send("PATCH", f"{home.path}/members/me", json={"says_name": True})
    assert code_of(answer) == (404, "not_found")


async def test_an_invitation_works_once_for_a_day_until_it_is_withdrawn(home: Home) -> None:
    async def accept(code: str) -> Any:
        return await home.bob.send("POST", "/v1/invitations/accept", json={"code": code})

    used, late, withdrawn = [await home.invite() for _ in range(3)]
    assert used not in await home.app.dump()
    assert (await accept(used)).status_code == 201
    assert code_of(await accept(used)) == (404, "not_found")
    assert (await home.alice.send("DELETE", f"{home.path}/invitations")).status_code == 204
    assert code_of(await accept(withdrawn)) == (404, "not_found")
    late = await home.invite()
    home.app.clock.advance(timedelta(days=1))
    assert code_of(await accept(late)) == (404, "not_found")
    for _ in range(10):
        await home.invite()
    answer = await home.alice.send("POST", f"{home.path}/invitations")
    assert code_of(answer) == (429, "too_many")


@pytest.mark.parametrize("how", ["owner", "member", "erased", "removed"])
async def test_what_was_to_be_said_of_a_member_is_gone_when_they_are(home: Home, how: str) -> None:
    home.insert(ALICE, "Standup")
    home.insert(BOB, SECRET)
    await home.join(says_titles=True)
    assert len(await home.texts()) == 2
    version = (await home.app.client.get("/v1/device/schedule", headers=TOKEN)).headers["ETag"]
    bob_id = (await home.bob.me())["user_id"]
    if how == "erased":
        assert (await home.bob.send("DELETE", "/v1/me")).status_code == 204
    elif how == "removed":
        assert (await home.alice.send("DELETE", home.path)).status_code == 204
        assert (await home.bob.get("/v1/announcements")).json()["announcements"] == []
        return
    else:
        browser = home.alice if how == "owner" else home.bob
        answer = await browser.send("DELETE", f"{home.path}/members/{bob_id}")
        assert answer.status_code == 204
        assert code_of(await browser.send("DELETE", f"{home.path}/members/{bob_id}"))[0] == 404
    headers = {**TOKEN, "If-None-Match": version}
    assert (await home.app.client.get("/v1/device/schedule", headers=headers)).status_code == 200
    for _ in range(2):
        (text,) = await home.texts()
        assert "Standup" in text
        await home.plan()


async def test_the_account_of_the_owner_takes_the_device_with_it(home: Home) -> None:
    home.insert(BOB, SECRET)
    await home.join(says_titles=True)
    assert (await home.alice.send("DELETE", "/v1/me")).status_code == 204
    assert (await home.app.client.get("/v1/device/schedule", headers=TOKEN)).status_code == 401
    assert (await home.bob.get("/v1/devices")).json()["devices"] == []
    assert (await home.bob.get("/v1/announcements")).json()["announcements"] == []
    await home.plan()


async def test_two_announcements_of_one_second_are_both_said_in_one_order(home: Home) -> None:
    for email in (ALICE, BOB):
        home.insert(email, f"Tea of {email}")
    await home.join(says_titles=True)
    documents = [[(one["play_at"], one["text"]) for one in await home.schedule()] for _ in range(3)]
    times = [at for at, _ in documents[0]]
    assert times == sorted(times) and len(set(times)) == len(times) / 2
    assert documents[0] == documents[1] == documents[2]


async def test_in_the_quiet_hours_of_a_device_only_its_owner_says_something_at_once(home: Home) -> None:
    home.insert(ALICE, "Standup")
    home.insert(BOB, SECRET)
    await home.join(says_titles=True)
    now = home.app.clock.now()
    hours = {"from": f"{now:%H:%M}", "until": f"{now + 240 * MINUTE:%H:%M}", "zone": "UTC"}
    changed = await home.alice.send("PATCH", home.path, json={"quiet_hours": hours})
    assert changed.json()["quiet_hours"] == hours
    await home.plan()
    assert await home.texts() == []
    held = (await home.bob.get("/v1/announcements")).json()["announcements"]
    assert {one["held_for"] for one in held if one["kind"] == "before"} == {"quiet"}
    (mine,) = (await home.alice.send("POST", "/v1/say", json={"text": "Fire!"})).json()["announcements"]
    (theirs,) = (await home.bob.send("POST", "/v1/say", json={"text": "Boo"})).json()["announcements"]
    assert (mine["state"], theirs["state"], theirs["held_for"]) == ("planned", "held", "quiet")
    assert await home.texts("say") == ["Fire!"]
    answer = await home.app.client.post("/v1/device/actions", headers=TOKEN, json={"action": "repeat"})
    assert (answer.status_code, answer.json()["play_at"]) == (200, None)
    assert await home.texts("repeat") == []
    changed = await home.alice.send("PATCH", home.path, json={"quiet_hours": None})
    assert changed.json()["quiet_hours"] is None
    await home.plan()
    assert len(await home.texts()) == 2


async def test_the_mute_of_a_member_is_about_theirs_and_that_of_the_owner_about_the_device(
    home: Home,
) -> None:
    home.insert(ALICE, "Standup", 30)
    home.insert(BOB, SECRET, 30)
    await home.join(says_titles=True)

    async def muted_until() -> str | None:
        document = (await home.app.client.get("/v1/device/schedule", headers=TOKEN)).json()
        until: str | None = document["muted_until"]
        return until

    await home.bob.send("PUT", "/v1/mute", json={"for": "hour"})
    assert SECRET not in " ".join(await home.texts()) and await muted_until() is None
    await home.bob.send("DELETE", "/v1/mute")
    assert len(await home.texts()) == 2
    await home.bob.send("PUT", "/v1/mute", json={"for": "hour"})
    await home.alice.send("PUT", "/v1/mute", json={"for": "hour"})
    assert await muted_until() == rfc3339(home.app.clock.now() + timedelta(hours=1))
    home.app.clock.advance(timedelta(hours=2))
    await PeriodicTasks(home.app.catflap.services.engine, home.app.clock, 1).tick()
    for browser in (home.alice, home.bob):
        told = (await browser.get("/v1/announcements")).json()["announcements"]
        assert {one["state"] for one in told if one["kind"] == "before"} <= {"held"}


async def test_the_button_reacts_to_what_was_said_of_any_member(home: Home) -> None:
    home.insert(BOB, SECRET, 12)
    await home.join()
    (one,) = [one for one in await home.schedule() if one["kind"] == "before"]
    home.app.clock.advance(3 * MINUTE)
    played = {"announcement": one["id"], "state": "played", "at": one["play_at"]}
    assert (await home.app.client.post("/v1/device/acks", headers=TOKEN, json=played)).status_code == 204
    body = {"action": "snooze", "minutes": 5, "announcement": one["id"]}
    snoozed = await home.app.client.post("/v1/device/actions", headers=TOKEN, json=body)
    assert snoozed.status_code == 200, snoozed.text
    await home.plan()
    document = (await home.app.client.get("/v1/device/schedule", headers=TOKEN)).json()["announcements"]
    (again,) = [text["text"] for text in document if text["kind"] == "snoozed"]
    assert "Bob" in again and SECRET not in again
    # As the owner, Alice can't do that to his.
    answer = await home.alice.send("POST", f"/v1/announcements/{one['id']}/acknowledge")
    assert code_of(answer) == (404, "not_found")


async def test_what_a_device_missed_of_each_member_is_said_late_as_they_chose(home: Home) -> None:
    home.insert(ALICE, "Standup", 25)
    home.insert(BOB, SECRET, 25)
    await home.join()
    await home.app.client.post("/v1/device/heartbeat", headers=TOKEN)
    home.app.clock.advance(20 * MINUTE)
    await home.app.client.post("/v1/device/heartbeat", headers=TOKEN)
    document = (await home.app.client.get("/v1/device/schedule", headers=TOKEN)).json()["announcements"]
    late = sorted((one["text"] for one in document if one["kind"] == "late"), key=lambda text: "Bob" in text)
    assert len(late) == 2 and "Standup" in late[0]
    assert "Bob" in late[1] and SECRET not in late[1]


@pytest.mark.parametrize(
    "body",
    [
        {"quiet_hours": {"from": "22:00"}},
        {"quiet_hours": {"from": "22:00", "until": None}},
        {"quiet_hours": {"from": 22, "until": "07:00"}},
        {"quiet_hours": {"from": "22:00", "until": "25:00"}},
        {"quiet_hours": "always"},
    ],
)
async def test_quiet_hours_that_are_none_are_refused(home: Home, body: dict[str, Any]) -> None:
    answer = await home.alice.send("PATCH", home.path, json=body)
    assert code_of(answer) == (400, "invalid_request")


async def test_quiet_hours_are_in_the_zone_of_the_owner_or_in_one_that_exists(home: Home) -> None:
    hours = {"from": "22:00", "until": "07:00"}
    await home.alice.send("PUT", "/v1/preferences", json=TOKYO)
    answer = await home.alice.send("PATCH", home.path, json={"quiet_hours": hours})
    assert answer.json()["quiet_hours"] == {**hours, "zone": "Asia/Tokyo"}
    hours["zone"] = "Europe/Atlantis"
    answer = await home.alice.send("PATCH", home.path, json={"quiet_hours": hours})
    assert code_of(answer) == (400, "zone_unknown")
