"""Texts that are said at once, for the user and for other back ends."""

from datetime import timedelta
from typing import Any

import pytest

from catflap.clock import rfc3339
from tests.support.app_client import ALICE, BOB, Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test

DINNER = "Dinner is ready!"


async def signed_in(app: RunningApp, devices: int = 1, email: str = ALICE) -> tuple[Browser, list[Any]]:
    browser = await app.browser(email)
    await browser.sign_in()
    made = [await browser.send("POST", "/v1/devices", json={"browser": True}) for _ in range(devices)]
    return browser, [one.json() for one in made]


async def scheduled(app: RunningApp, device: dict[str, Any]) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {device['token']}"}
    answer = await app.client.get("/v1/device/schedule", headers=headers)
    found: list[dict[str, Any]] = answer.json()["announcements"]
    return found


async def test_a_text_is_said_at_once_on_all_devices_or_on_one(app: RunningApp) -> None:
    browser, (kitchen, desk) = await signed_in(app, devices=2)
    answer = await browser.send("POST", "/v1/say", json={"text": DINNER})
    assert answer.status_code == 201, answer.text
    told = answer.json()["announcements"]
    assert {one["device"] for one in told} == {kitchen["id"], desk["id"]}
    now = app.clock.now()
    for device in (kitchen, desk):
        (one,) = await scheduled(app, device)
        assert (one["kind"], one["text"], one["play_at"]) == ("say", DINNER, rfc3339(now))
        assert one["expires_at"] == rfc3339(now + timedelta(minutes=5))
    body = {"text": "Tea", "dialect": "pirate", "device": desk["id"]}
    (one,) = (await browser.send("POST", "/v1/say", json=body)).json()["announcements"]
    assert (one["device"], one["dialect"]) == (desk["id"], "pirate")
    assert [len(await scheduled(app, device)) for device in (kitchen, desk)] == [1, 2]
    (sound,) = {
        row[0] for row in await app.rows("SELECT sound_key FROM app.announcements WHERE id = $1", one["id"])
    }
    await app.catflap.components.jobs.renderer.render(sound)
    sounds = {said["text"]: said["audio"] for said in await scheduled(app, desk)}
    assert sounds["Tea"]["seconds"] > 0
    await app.catflap.components.jobs.planner.plan_user((await browser.me())["user_id"])
    assert {one["text"] for one in await scheduled(app, desk)} >= {"Tea", DINNER}
    app.clock.advance(timedelta(minutes=5))
    assert not {one["text"] for one in await scheduled(app, desk)} & {"Tea", DINNER}


async def test_a_text_has_the_pitch_and_the_engine_that_the_user_chose(app: RunningApp) -> None:
    browser, _ = await signed_in(app)
    preferences = (await browser.get("/v1/preferences")).json()
    voice = {"pitch": 4, "engine_ja": None, "engine_en": "espeak"}
    await browser.send("PUT", "/v1/preferences", json=preferences | voice)
    query = "SELECT dialect, pitch, engine_ja, engine_en FROM app.announcements WHERE id = $1"
    for body, dialect in (({}, "kitten"), ({"dialect": "kansai"}, "kansai")):
        answer = await browser.send("POST", "/v1/say", json={"text": DINNER, **body})
        (one,) = answer.json()["announcements"]
        (row,) = await app.rows(query, one["id"])
        assert dict(row) == {"dialect": dialect, **voice}


async def test_the_dialect_is_the_one_chosen_for_the_language(app: RunningApp) -> None:
    browser, _ = await signed_in(app)
    for text, dialect in ((DINNER, "kitten"), ("ごはんやで!", "kansai")):
        (one,) = (await browser.send("POST", "/v1/say", json={"text": text})).json()["announcements"]
        assert (one["text"], one["dialect"]) == (text, dialect)


async def test_the_readings_of_the_user_count(app: RunningApp) -> None:
    browser, _ = await signed_in(app)
    body = {"readings": [{"word": "Keiko", "reading": "cake oh"}]}
    await browser.send("PATCH", "/v1/readings", json=body)
    (one,) = (await browser.send("POST", "/v1/say", json={"text": "Call Keiko!"})).json()["announcements"]
    assert one["text"] == "Call Keiko!"
    (row,) = await app.rows("SELECT spoken FROM app.announcements WHERE id = $1", one["id"])
    assert row["spoken"] == "Call cake oh!"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"text": ""}, 400, "invalid_request"),
        ({"text": "x" * 501}, 400, "invalid_request"),
        ({"text": "a\0"}, 400, "invalid_request"),
        ({"text": "🐈"}, 400, "nothing_to_say"),
        ({"text": " \u200b…"}, 400, "nothing_to_say"),
        ({"text": DINNER, "dialect": "klingon"}, 400, "unknown_dialect"),
        ({"text": DINNER, "device": 0}, 400, "invalid_request"),
        ({"text": DINNER, "device": 2**40}, 404, "not_found"),
        ({"text": DINNER, "at": "now"}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_said_is_refused(
    app: RunningApp, body: dict[str, Any], status: int, code: str
) -> None:
    browser, (device,) = await signed_in(app)
    answer = await browser.send("POST", "/v1/say", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await scheduled(app, device) == []


async def test_nothing_is_said_on_anothers_device_or_without_one(app: RunningApp) -> None:
    browser, _ = await signed_in(app, devices=0)
    _, (theirs,) = await signed_in(app, email=BOB)
    for body in ({"text": DINNER}, {"text": DINNER, "device": theirs["id"]}):
        answer = await browser.send("POST", "/v1/say", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await scheduled(app, theirs) == []


async def test_a_user_says_five_texts_and_then_one_in_six_seconds(app: RunningApp) -> None:
    browser, _ = await signed_in(app)
    other, _ = await signed_in(app, email=BOB)
    statuses = []
    while 429 not in statuses and len(statuses) < 50:
        statuses.append((await browser.send("POST", "/v1/say", json={"text": DINNER})).status_code)
    assert set(statuses[:-1]) == {201} and len(statuses) > 5 and statuses[-1] == 429
    assert (await other.send("POST", "/v1/say", json={"text": DINNER})).status_code == 201


async def test_another_back_end_announces_with_the_right_to_and_is_audited(app: RunningApp) -> None:
    browser, (device,) = await signed_in(app)
    user_id = (await browser.me())["user_id"]
    path, body = f"/v1/users/{user_id}/announcements", {"text": DINNER}
    key = await app.api_key("announce", user_ids=[user_id])
    answer = await app.client.post(path, headers=key, json=body)
    assert answer.status_code == 201, answer.text
    assert [one["text"] for one in await scheduled(app, device)] == [DINNER]
    for headers, number, status, code in (
        (await app.api_key("tokens"), user_id, 403, "forbidden"),
        (key, user_id + 1, 403, "forbidden"),
        (await app.api_key("announce"), 2**40, 404, "not_found"),
        ({}, user_id, 401, "unauthenticated"),
    ):
        answer = await app.client.post(f"/v1/users/{number}/announcements", headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    await app.catflap.services.audit.write()
    noted = [
        (row["action"], row["outcome"], row["user_id"], row["detail"])
        for row in await app.rows("SELECT * FROM app.audit WHERE action = 'announce' ORDER BY id")
    ]
    assert noted == [("announce", "ok", user_id, None), ("announce", "not_found", 2**40, None)]


async def test_a_mute_does_not_lose_what_is_said(app: RunningApp) -> None:
    browser, (device,) = await signed_in(app)
    await browser.send("PUT", "/v1/mute", json={"for": "hour"})
    assert (await browser.send("POST", "/v1/say", json={"text": DINNER})).status_code == 201
    assert [one["text"] for one in await scheduled(app, device)] == [DINNER]
