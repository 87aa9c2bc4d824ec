"""Pairing over HTTP: what the owner sees before they claim a device, and the limits as answers."""

from pathlib import Path
from typing import Any

import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import RunningApp, running_app

DEVICE, OWNER = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "2001:db8:17:1::5"}
BODY: dict[str, Any] = {"token_sha256": "ab" * 32, "model": "Mia of clay"}


@pytest.fixture
async def proxied(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> Any:
    """Behind a proxy of its own."""
    async with running_app(database_urls, clock, tmp_path, trusted_proxies=("127.0.0.1",)) as app:
        yield app


async def test_the_owner_sees_model_address_and_age_and_claims_with_name_and_room(
    proxied: RunningApp,
) -> None:
    owner = await proxied.browser()
    await owner.sign_in()
    asked = await proxied.client.post("/v1/pairings", json={**BODY, "code": "digits"}, headers=DEVICE)
    code = asked.json()["code"]
    assert len(code) == 6 and code.isdecimal()
    page = f"{proxied.catflap.services.settings.origin}/devices"
    assert asked.json()["verification_uri"] == page
    # In the fragment, which browsers send to no server.
    assert asked.json()["verification_uri_complete"] == f"{page}#code={code}"
    for headers, same in ((OWNER, False), (DEVICE, True)):
        seen = await owner.send("POST", "/v1/pairings/preview", json={"code": code}, headers=headers)
        assert (seen.status_code, seen.json()["is_same_network"]) == (200, same)
        shown = {"model": "Mia of clay", "address": "203.0.113.7", "channel": "https", "seconds_ago": 0}
        assert seen.json().items() >= shown.items()
    body = {"code": code, "name": "Mia", "room": "Kitchen"}
    claimed = await owner.send("POST", "/v1/devices", json=body, headers=OWNER)
    assert claimed.status_code == 201, claimed.text
    assert claimed.json().items() >= {"name": "Mia", "room": "Kitchen", "asked_from": "203.0.113.7"}.items()
    (listed,) = (await owner.get("/v1/devices")).json()["devices"]
    assert "asked_from" not in listed and listed["room"] == "Kitchen"
    changed = await owner.send("PATCH", f"/v1/devices/{listed['id']}", json={"room": "", "name": "M"})
    assert changed.json().items() >= {"room": "", "name": "M"}.items()


async def test_wrong_codes_are_answered_404_and_then_429_with_the_time_to_wait(proxied: RunningApp) -> None:
    owner = await proxied.browser()
    await owner.sign_in()
    answers = [
        await owner.send("POST", path, json={"code": "000000"}, headers=OWNER)
        for path in ["/v1/devices", "/v1/pairings/preview"] * 3
    ]
    assert [one.status_code for one in answers] == [404] * 5 + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert answers[-1].headers["Retry-After"] == "3600"
    assert "000000" not in "".join(one.text for one in answers)


async def test_an_address_that_asks_for_many_codes_is_answered_429_and_others_get_one(
    proxied: RunningApp,
) -> None:
    asked = [await proxied.client.post("/v1/pairings", json=BODY, headers=DEVICE) for _ in range(31)]
    assert [one.status_code for one in asked] == [201] * 30 + [429]
    assert asked[-1].headers["Retry-After"] == "600"
    assert (await proxied.client.post("/v1/pairings", json=BODY, headers=OWNER)).status_code == 201


async def test_a_flood_of_one_process_is_refused_before_the_database_is_asked(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, signins_per_minute=4) as app:
        asked = [await app.client.post("/v1/pairings", json=BODY) for _ in range(4)]
        assert [one.status_code for one in asked] == [201, 201, 429, 429]
        (counted,) = await app.rows("SELECT count FROM app.limit_counts WHERE name = 'codes'")
    assert counted["count"] == 2


async def test_what_can_be_no_code_or_no_request_is_refused_with_its_place(proxied: RunningApp) -> None:
    owner = await proxied.browser()
    await owner.sign_in()
    for body in ({}, {"code": None}, {"code": 482913}, {"code": "x" * 41}, {"code": "1", "name": "Mia"}):
        answer = await owner.send("POST", "/v1/pairings/preview", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body
    assert (await proxied.client.post("/v1/pairings/preview", json={"code": "482913"})).status_code == 401
    for more in ({"code": "words"}, {"code": None}, {"code": 6}):
        answer = await proxied.client.post("/v1/pairings", json={**BODY, **more})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), more
