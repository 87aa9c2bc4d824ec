"""Home Assistant's speakers play announcements; what it can't do fails clearly, and delays nothing else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from catflap.clock import FixedClock, rfc3339
from catflap.devices.channels.due_store import DueDevice
from catflap.devices.channels.home_assistant import HomeAssistantSpeakers
from catflap.devices.channels.home_assistant_api import (
    HomeAssistantApi,
    NoAnswer,
    home_assistant_client,
)
from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain
from catflap.settings import Settings
from tests.support.fake_home_assistant import (
    PLAIN,
    PLAYER,
    REST,
    SATELLITE,
    TOKEN,
    FakeHomeAssistant,
    fake_home_assistant,
)
from tests.support.tls import make_certificate

SECOND = timedelta(seconds=1)
URL = "https://mia.example.com/v1/sounds/1.a.wav"


class Sender:
    """Speakers of a Home Assistant, and what became of announcements."""

    def __init__(self, api: HomeAssistantApi, clock: FixedClock) -> None:
        self.clock = clock
        self.acks: list[tuple[int, str, str, str | None]] = []
        self.speakers = HomeAssistantSpeakers(api, clock, self._record)

    async def _record(
        self, device_id: int, announcement_id: str, state: str, at: datetime, detail: str | None = None
    ) -> None:
        assert at == self.clock.now()
        self.acks.append((device_id, announcement_id, state, detail))

    async def send(self, entity: str = PLAYER, identifier: str = "a", **more: Any) -> None:
        device = {"id": 7, "user_id": 1, "channel": "home_assistant", "entity": entity, "room": "Kitchen"}
        device |= {"rest_entity": None, "sets_volume": False, "volume": 60}
        play_at = more.pop("play_at", self.clock.now())
        announcement = {
            "id": identifier,
            "play_at": rfc3339(play_at),
            "expires_at": rfc3339(play_at + timedelta(minutes=10)),
            "text": "Lunch!",
            "audio": {"url": URL, "seconds": more.pop("seconds", 3.0)},
        }
        await self.speakers.send(DueDevice(**{**device, **more}), announcement)


@pytest.fixture
async def home() -> AsyncIterator[FakeHomeAssistant]:
    async with fake_home_assistant() as opened:
        yield opened


@pytest.fixture
async def sender(home: FakeHomeAssistant, clock: FixedClock) -> AsyncIterator[Sender]:
    async with home_assistant_client(Settings.read()) as http:
        yield Sender(HomeAssistantApi(http, home.url, SecretStr(TOKEN)), clock)


async def test_a_media_player_announces_the_signed_sound(sender: Sender, home: FakeHomeAssistant) -> None:
    await sender.send()
    expected = {
        "entity_id": PLAYER,
        "media_content_id": URL,
        "media_content_type": "music",
        "announce": True,
    }
    assert home.calls == [("media_player/play_media", expected)]
    assert sender.acks == [(7, "a", "played", None)]


async def test_a_satellite_announces_it_after_its_chime(sender: Sender, home: FakeHomeAssistant) -> None:
    await sender.send(SATELLITE)
    expected = {"entity_id": SATELLITE, "media_id": URL, "preannounce": True}
    assert home.calls == [("assist_satellite/announce", expected)]
    assert sender.acks == [(7, "a", "played", None)]


@pytest.mark.parametrize("resting", [True, False])
async def test_nothing_is_said_to_who_is_at_rest(
    sender: Sender, home: FakeHomeAssistant, resting: bool
) -> None:
    home.set(REST, "on" if resting else "off")
    await sender.send(rest_entity=REST)
    await sender.send(PLAIN, "b")
    assert [data["entity_id"] for _, data in home.calls] == ([] if resting else [PLAYER]) + [PLAIN]
    first = (7, "a", "held", "at_rest") if resting else (7, "a", "played", None)
    assert sender.acks == [first, (7, "b", "played", None)]


@pytest.mark.parametrize("state", ["unavailable", None])
async def test_a_rest_entity_that_is_gone_keeps_nobody_silent(
    sender: Sender, home: FakeHomeAssistant, state: str | None
) -> None:
    if state is None:
        del home.states[REST]
    else:
        home.set(REST, state)
    await sender.send(rest_entity=REST)
    assert sender.acks == [(7, "a", "played", None)]


async def test_two_announcements_on_one_speaker_are_said_one_after_the_other(
    sender: Sender, home: FakeHomeAssistant
) -> None:
    await sender.send()
    async with asyncio.timeout(20):
        second = asyncio.create_task(sender.send(identifier="b"))
        await sender.send(PLAIN, "c")
        assert [one[1] for one in sender.acks] == ["a", "c"]
        sender.clock.advance(5 * SECOND)
        await second
    assert [one[1] for one in sender.acks] == ["a", "c", "b"]


async def test_the_volume_is_set_if_asked_and_set_back_after_the_last_sound(
    sender: Sender, home: FakeHomeAssistant
) -> None:
    async with asyncio.timeout(20):
        await sender.send(sets_volume=True)
        sender.clock.advance(5 * SECOND)
        await home.until_called(3)
        await sender.send(identifier="b", sets_volume=True, volume=80)
        sender.clock.advance(5 * SECOND)
        await home.until_called(6)
    levels = [data["volume_level"] for data in home.called_with("media_player/volume_set")]
    assert levels == [0.6, 0.25, 0.8, 0.25]
    assert [name for name, _ in home.calls[:2]] == ["media_player/volume_set", "media_player/play_media"]


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"token": "another"}, OperatorMustAct, "home_assistant_token_refused"),
        ({"failing": 500}, OperatorMustAct, "home_assistant_refused"),
        ({"failing": 400}, OperatorMustAct, "home_assistant_refused"),
        ({"failing": 302}, OperatorMustAct, "home_assistant_refused"),
        ({"failing": 503}, TryAgain, "home_assistant_unavailable"),
        ({"starting": True}, TryAgain, "home_assistant_unavailable"),
        ({"states": {}}, BadRequest, "speaker_gone"),
        ({"states": {PLAYER: ("unavailable", {})}}, TryAgain, "speaker_unavailable"),
    ],
)
async def test_what_is_refused_is_an_error_that_says_who_must_act(
    sender: Sender, home: FakeHomeAssistant, change: dict[str, Any], error: type[CatflapError], code: str
) -> None:
    for name, value in change.items():
        setattr(home, name, value)
    with pytest.raises(error) as caught:
        await sender.send()
    assert caught.value.code == code
    assert not isinstance(caught.value, NoAnswer)
    assert sender.acks == []
    assert TOKEN not in f"{caught.value!r} {caught.value.detail}"


async def test_what_may_be_playing_fails_and_is_not_said_again(
    sender: Sender, home: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant took the call and does not answer; others are not delayed."""
    monkeypatch.setattr("catflap.devices.channels.home_assistant._ANSWER", timedelta(seconds=0.3))
    home.silent.add(PLAYER)
    async with asyncio.timeout(20):
        silent = asyncio.create_task(sender.send(seconds=0.2))
        await home.until_called(1)
        await sender.send(PLAIN, "b")
        assert sender.acks == [(7, "b", "played", None)]
        await silent
    assert sender.acks[1:] == [(7, "a", "failed", "home_assistant_unavailable")]
    assert len(home.called_with("media_player/play_media")) == 2


async def test_nobody_there_is_tried_again_for_a_minute_and_then_fails(clock: FixedClock) -> None:
    async with fake_home_assistant() as gone:
        url = gone.url
    async with home_assistant_client(Settings.read()) as http:
        sender = Sender(HomeAssistantApi(http, url, SecretStr(TOKEN)), clock)
        with pytest.raises(TryAgain) as caught:
            await sender.send(play_at=clock.now() - 50 * SECOND)
        assert (caught.value.code, sender.acks) == ("home_assistant_unavailable", [])
        await sender.send(play_at=clock.now() - 58 * SECOND)
    assert sender.acks == [(7, "a", "failed", "home_assistant_unavailable")]


@pytest.mark.parametrize("fault", ["unknown", "expired", "own"])
async def test_a_certificate_must_be_valid_for_its_name(
    clock: FixedClock, tmp_path: Path, fault: str
) -> None:
    """One of an authority of the operator's own counts where a setting names that."""
    made = make_certificate(tmp_path, expired=fault == "expired")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    settings = Settings.read(home_assistant_ca_file=None if fault == "unknown" else made.authority)
    async with fake_home_assistant(context) as home, home_assistant_client(settings) as http:
        sender = Sender(HomeAssistantApi(http, home.url, SecretStr(TOKEN)), clock)
        if fault == "own":
            await sender.send()
            assert sender.acks == [(7, "a", "played", None)]
            return
        with pytest.raises(OperatorMustAct) as caught:
            await sender.send()
        assert caught.value.code == "home_assistant_certificate_invalid"
        assert home.paths == []


async def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("none")
    with pytest.raises(OperatorMustAct, match="CATFLAP_HOME_ASSISTANT_CA_FILE") as caught:
        home_assistant_client(Settings.read(home_assistant_ca_file=file))
    assert caught.value.code == "home_assistant_ca_unreadable"


@pytest.mark.parametrize("status", [200, 404])
async def test_something_else_at_the_address_is_named_as_that(clock: FixedClock, status: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<!doctype".encode()
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with home_assistant_client(Settings.read()) as http:
            api = HomeAssistantApi(http, url, SecretStr(TOKEN))
            with pytest.raises(OperatorMustAct) as caught:
                await api.states()
            assert caught.value.code == "home_assistant_refused"
