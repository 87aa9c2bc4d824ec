"""What answers at the address of the server may be something else, as the login page of a network."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from catflap.clock import SystemClock
from catflap.errors import BadRequest, TryAgain
from catflap.player import api as player_api
from catflap.player.api import DeviceApi
from catflap.player.pairing import pair
from catflap.player.player import Player
from catflap.player.storage import Storage
from tests.support.canned_answers import answer, answering
from tests.support.http import http_client
from tests.support.recorder import Recorder

LOGIN_PAGE = answer(200, b"<html>Log in to the network</html>", "Content-Type: text/html")
STRANGERS = [
    LOGIN_PAGE,
    answer(302, b"", "Location: http://login.example/"),
    answer(401, b"<html>proxy</html>"),
    answer(404, b"<html>nginx</html>"),
    answer(200, b"[" * 100_000),
    answer(401, {"detail": "no code"}),
]
ACK = {"announcement": "a", "state": "played", "at": "2026-11-24T09:00:00Z"}


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_takes_neither_report_nor_pairing(http: httpx2.AsyncClient, stranger: bytes) -> None:
    async with answering(stranger) as served:
        api = DeviceApi(http, served.url, "token")
        calls = api.acknowledge(ACK), api.send_heartbeat(), api.begin_pairing("Speaker"), api.mqtt_login()
        for call in (*calls, api.is_claimed("handle")):
            with pytest.raises(TryAgain) as refused:
                await call
            assert refused.value.code == "server_unavailable"


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_reports_are_kept_while_a_stranger_answers(
    http: httpx2.AsyncClient, tmp_path: Path, stranger: bytes
) -> None:
    storage = Storage(tmp_path)
    storage.add_ack("a", "played", datetime.now(UTC))
    async with answering(stranger) as served:
        player = Player(DeviceApi(http, served.url, "token"), storage, Recorder(), SystemClock())
        with pytest.raises(TryAgain):
            await player._send_acks()
    assert storage.next_ack() is not None


async def test_only_the_server_itself_says_that_a_device_is_not_paired(http: httpx2.AsyncClient) -> None:
    async with answering(answer(401, {"code": "unauthenticated", "detail": "Pair it."})) as served:
        with pytest.raises(BadRequest) as refused:
            await DeviceApi(http, served.url, "token").send_heartbeat()
    assert refused.value.code == "unpaired"


@pytest.mark.parametrize(
    "begun",
    [
        {"code": "\x1b[2J", "handle": "h", "interval": 5},
        {"code": "WDJB-MJHT", "handle": None, "interval": 5},
        {"code": "WDJB-MJHT", "handle": "h", "interval": 5, "verification_uri": "\x1b[2J"},
        {"code": "WDJB-MJHT", "handle": "h", "interval": 5, "verification_uri_complete": 7},
        {"code": "WDJB-MJHT", "handle": "h", "interval": "soon"},
    ],
)
async def test_a_code_that_would_change_the_terminal_is_not_shown(
    http: httpx2.AsyncClient, tmp_path: Path, begun: dict[str, object]
) -> None:
    async with answering(answer(201, begun)) as served:
        shown = pair(lambda token: DeviceApi(http, served.url, token), Storage(tmp_path), served.url, "Mia")
        with pytest.raises(TryAgain):
            _ = [one async for one in shown]


@pytest.mark.parametrize("body", [b"data: " + b"x" * 300_000, b"data:\n" * 100_000, b"data: xxxx\n" * 5000])
async def test_an_event_without_an_end_is_not_collected(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(player_api, "_MOST_EVENT_CHARACTERS", 10_000)
    async with answering(answer(200, body, "Content-Type: text/event-stream")) as served:
        with pytest.raises(TryAgain, match="Something other"):
            _ = [one async for one in DeviceApi(http, served.url, "token").documents()]


async def test_events_are_read_however_lines_end(http: httpx2.AsyncClient) -> None:
    document = {"version": 1, "now": "2026-11-24T09:41:07Z", "volume": 60, "announcements": []}
    events = f"event: schedule\r\ndata: {json.dumps(document)}\r\n\r\n: ping\n\nevent: schedule\n"
    events += f"data: {json.dumps(document)}\nid: 1\n\n"
    async with answering(answer(200, events.encode())) as served:
        assert [one async for one in DeviceApi(http, served.url, "token").documents()] == 2 * [document]


async def test_of_a_sound_without_an_end_no_more_is_read_than_a_sound_may_have(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_api, "_MOST_BYTES", 1000)
    async with answering(answer(200, b"x" * 1_000_000)) as served:
        assert len(await DeviceApi(http, served.url, "token").sound("https://elsewhere.example/a")) == 1000
        assert served.authorizations == []
