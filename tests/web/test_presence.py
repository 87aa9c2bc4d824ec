"""Only heartbeats make a device online: an open connection says nothing, because a lost peer sends no FIN."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from catflap.devices.devices import OFFLINE_AFTER
from catflap.store.tables import devices
from tests.support.app_client import Browser, RunningApp
from tests.support.statements import recorded_statements

pytestmark = pytest.mark.slow  # starts an application for each test

SECOND = timedelta(seconds=1)


async def online(browser: Browser) -> bool:
    (device,) = (await browser.get("/v1/devices")).json()["devices"]
    return bool(device["online"])


async def become_device(app: RunningApp) -> tuple[Browser, dict[str, str]]:
    browser = await app.browser()
    await browser.sign_in()
    made = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    return browser, {"Authorization": f"Bearer {made['token']}"}


async def test_a_device_is_online_from_its_first_heartbeat_on(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    assert not await online(browser)
    assert (await app.client.post("/v1/device/heartbeat", headers=headers)).status_code == 204
    assert await online(browser)


async def test_a_peer_that_vanished_with_its_connection_open_is_offline_after_45_seconds(
    app: RunningApp,
) -> None:
    browser, headers = await become_device(app)
    host, _, port = app.netloc.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = f"GET /v1/device/schedule HTTP/1.1\r\nHost: {app.netloc}\r\nAccept: text/event-stream\r\n"
    writer.write(f"{request}Authorization: {headers['Authorization']}\r\n\r\n".encode())
    assert b"event: schedule" in await reader.readuntil(b"\n\n\r\n")
    await app.client.post("/v1/device/heartbeat", headers=headers)
    app.clock.advance(OFFLINE_AFTER - SECOND)
    assert await online(browser)
    app.clock.advance(SECOND)
    assert not await online(browser), "though its stream is still open here"
    assert not reader.at_eof()
    await app.client.post("/v1/device/heartbeat", headers=headers)
    assert await online(browser)
    writer.close()


async def test_a_stream_without_heartbeats_makes_no_device_online(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    wants = {**headers, "Accept": "text/event-stream"}
    async with app.client.stream("GET", "/v1/device/schedule", headers=wants) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                break
        assert not await online(browser)


async def test_a_device_whose_row_is_locked_holds_the_heartbeats_of_no_others(app: RunningApp) -> None:
    browser, headers = await become_device(app)
    _, others = await become_device(app)
    (first, _) = (await browser.get("/v1/devices")).json()["devices"]

    async def beat(of: dict[str, str]) -> int:
        return (await app.client.post("/v1/device/heartbeat", headers=of)).status_code

    async with app.catflap.services.engine.begin() as connection:
        locked = select(devices.c.id).where(devices.c.id == first["id"]).with_for_update()
        assert await connection.scalar(locked) == first["id"]
        held = asyncio.create_task(beat(headers))
        async with asyncio.timeout(20):
            assert [await beat(others) for _ in range(3)] == [204] * 3
        assert not held.done()
    assert await held == 204
    found = (await browser.get("/v1/devices")).json()["devices"]
    assert [one["online"] for one in found] == [True, True]


async def test_many_devices_that_are_back_at_once_are_noted_together(app: RunningApp) -> None:
    made = [(await become_device(app))[1] for _ in range(4)]
    gathered = [app.client.post("/v1/device/heartbeat", headers=headers) for headers in made]
    await asyncio.gather(*gathered)
    app.clock.advance(2 * OFFLINE_AFTER)
    services = app.catflap.services
    tokens = [headers["Authorization"].removeprefix("Bearer ") for headers in made]
    back = [device for token in tokens if (device := await services.devices.find(token)) is not None]
    with recorded_statements() as sent:
        await asyncio.gather(*(services.presence.record_request(device) for device in back))
    assert len(sent) == 1 and len(back) == 4
    (browser, _) = await become_device(app)
    found = (await browser.get("/v1/devices")).json()["devices"]
    assert [one["online"] for one in found][:4] == [True] * 4
