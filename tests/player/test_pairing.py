"""A machine's loudspeaker is paired with the real server, and says what it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, TryAgain
from catflap.player.api import DeviceApi
from catflap.player.pairing import pair
from catflap.player.player import Player
from catflap.player.storage import Storage
from catflap.store.tables import pairings
from tests.support.app_client import Browser, RunningApp
from tests.support.http import http_client
from tests.support.jobs import run_jobs
from tests.support.recorder import Recorder


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


async def paired(app: RunningApp, http: httpx2.AsyncClient, storage: Storage) -> tuple[Browser, str]:
    """The owner and the token of a device that was paired."""
    browser = await app.browser()
    await browser.sign_in()
    async for shown in pair(lambda token: DeviceApi(http, app.origin, token), storage, app.origin, "Speaker"):
        assert shown.page == f"{app.origin}/devices"
        assert shown.link == f"{shown.page}#code={shown.code}"
        claimed = await browser.send("POST", "/v1/devices", json={"code": shown.code})
        assert claimed.json()["model"] == "Speaker"
    token = storage.token(app.origin)
    assert token is not None
    return browser, token


async def test_the_device_follows_the_schedule_of_the_user_who_enters_its_code(
    app: RunningApp, http: httpx2.AsyncClient, tmp_path: Path, clock: FixedClock
) -> None:
    storage = Storage(tmp_path / "device")
    browser, token = await paired(app, http, storage)
    output = Recorder()
    task = asyncio.create_task(Player(DeviceApi(http, app.origin, token), storage, output, clock).run())
    said = await browser.send("POST", "/v1/say", json={"text": "Ahoy!"})
    assert said.status_code == 201, said.text
    await run_jobs(app, but=())
    async with asyncio.timeout(60):
        await output.heard.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert output.played[0][0].seconds > 0.1


async def test_a_removed_device_keeps_nothing_of_its_owner(
    app: RunningApp, http: httpx2.AsyncClient, tmp_path: Path, clock: FixedClock
) -> None:
    storage = Storage(tmp_path / "device")
    browser, token = await paired(app, http, storage)
    (device,) = (await browser.get("/v1/devices")).json()["devices"]
    task = asyncio.create_task(Player(DeviceApi(http, app.origin, token), storage, Recorder(), clock).run())
    await browser.send("DELETE", f"/v1/devices/{device['id']}")
    with pytest.raises(BadRequest) as ended:
        await task
    assert ended.value.code == "unpaired"
    storage.forget()
    assert files_in(tmp_path / "device") == []


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_a_code_that_ran_out_is_replaced(
    app: RunningApp, http: httpx2.AsyncClient, tmp_path: Path, engine: AsyncEngine
) -> None:
    codes = []
    browser = await app.browser()
    await browser.sign_in()
    async for shown in pair(
        lambda token: DeviceApi(http, app.origin, token), Storage(tmp_path), app.origin, "Speaker"
    ):
        codes.append(shown.code)
        if len(codes) == 1:
            async with engine.begin() as connection:
                await connection.execute(delete(pairings))
        else:
            await browser.send("POST", "/v1/devices", json={"code": shown.code})
    assert len(set(codes)) == 2


def test_the_token_is_of_one_server_only(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.keep_token("https://one.example", "a token")
    assert Storage(tmp_path).token("https://one.example") == "a token"
    assert Storage(tmp_path).token("https://two.example") is None
    assert (tmp_path / "device.json").stat().st_mode & 0o777 == 0o600


async def test_a_server_that_is_away_is_told_as_such(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    with pytest.raises(TryAgain, match=r"http://127\.0\.0\.1:9 can't be reached"):
        async for _ in pair(
            lambda token: DeviceApi(http, "http://127.0.0.1:9", token), Storage(tmp_path), "", "Speaker"
        ):
            pass
