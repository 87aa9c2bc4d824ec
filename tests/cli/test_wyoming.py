"""`catflap wyoming` in its own process, asked by the client of the package `wyoming` and by hostile ones."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, TtsProgram
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeVoice

from catflap.cli import wyoming_server
from catflap.cli.wyoming_server import MOST_CHARACTERS, MOST_CONNECTIONS, WyomingServer
from catflap.speech import dialects
from tests.journeys.conftest import run, start

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wyoming")]

_START = [sys.executable, "-c", "from catflap.cli import main; main()", "wyoming", "--port", "0"]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a started `catflap wyoming --dialect pirate`, which must end cleanly by Ctrl-C."""
    with start(
        "wyoming", "--port", "0", "--dialect", "pirate", cwd=tmp_path_factory.mktemp("cwd")
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[AsyncTcpClient]:
    async with asyncio.timeout(60), AsyncTcpClient("127.0.0.1", port) as client:
        yield client


async def ask(
    client: AsyncTcpClient, text: str, voice: SynthesizeVoice | None = None
) -> bytes | Error | None:
    """Return the sound of a text, or the error; None when the connection ended instead."""
    await client.write_event(Synthesize(text, voice).event())
    return await answer(client)


async def answer(client: AsyncTcpClient) -> bytes | Error | None:
    pcm = b""
    while event := await client.read_event():
        if Error.is_type(event.type):
            return Error.from_event(event)
        if AudioStart.is_type(event.type):
            begun = AudioStart.from_event(event)
            assert (begun.rate, begun.width, begun.channels) == (16_000, 2, 1)
        if AudioChunk.is_type(event.type):
            pcm += AudioChunk.from_event(event).audio
        if AudioStop.is_type(event.type):
            return pcm
    return None


async def program(client: AsyncTcpClient) -> TtsProgram:
    await client.write_event(Describe().event())
    event = await client.read_event()
    assert event is not None
    (found,) = Info.from_event(event).tts
    return found


async def is_alive(port: int) -> bool:
    async with connected(port) as client:
        await client.write_event(Ping(text="are you there").event())
        event = await client.read_event()
        return event is not None and Pong.from_event(event).text == "are you there"


async def test_each_dialect_is_a_voice_with_its_language(port: int) -> None:
    async with connected(port) as client:
        found = await program(client)
    assert {voice.name: voice.languages for voice in found.voices} == {
        one.id: [one.language] for one in dialects()
    }
    assert found.installed and found.voices[0].name == "pirate"


async def test_texts_are_spoken_one_after_the_other(port: int) -> None:
    async with connected(port) as client:
        first = await ask(client, "Dinner is ready.", SynthesizeVoice(name="butler"))
        again = await ask(client, "Dinner is ready.", SynthesizeVoice(name="butler"))
        other = await ask(client, "お風呂が沸きました。", SynthesizeVoice(language="ja-JP"))
    assert isinstance(first, bytes) and isinstance(other, bytes)
    assert first == again
    assert 0.8 < len(first) / 32_000 < 4
    assert 0.8 < len(other) / 32_000 < 4


async def test_without_a_voice_the_default_of_the_script_speaks(port: int) -> None:
    async with connected(port) as client:
        unnamed = await ask(client, "Dinner is ready.")
        assert unnamed == await ask(client, "Dinner is ready.", SynthesizeVoice(name="pirate"))
        assert unnamed == await ask(client, "Dinner is ready.", SynthesizeVoice(language="en_GB"))
        japanese = await ask(client, "ごはんです")
        assert japanese == await ask(client, "ごはんです", SynthesizeVoice(name="kansai"))


async def test_a_long_text_is_spoken_to_its_end(port: int) -> None:
    async with connected(port) as client:
        one = await ask(client, "The washing machine has finished.")
        many = await ask(client, "The washing machine has finished. " * 4)
    assert isinstance(one, bytes) and isinstance(many, bytes)
    assert len(many) == 4 * len(one)


@pytest.mark.parametrize(
    ("text", "voice", "code"),
    [
        ("x" * 10_000, None, "too_large"),
        ("x " * (MOST_CHARACTERS // 2) + "x", None, "too_large"),
        ("", None, "nothing_to_say"),
        (" \n\t", None, "nothing_to_say"),
        ("🐈🐈‍⬛🎉", None, "nothing_to_say"),
        ("\x00\x01\x1b", None, "nothing_to_say"),
        ("…—()[]", None, "nothing_to_say"),
        ("Hello", "parrot", "unknown_dialect"),
        ("Hello", "../../etc/passwd", "unknown_dialect"),
    ],
)
async def test_what_cannot_be_said_is_an_error_and_the_end_of_the_connection(
    port: int, text: str, voice: str | None, code: str
) -> None:
    async with connected(port) as client:
        refused = await ask(client, text, SynthesizeVoice(name=voice) if voice else None)
        assert isinstance(refused, Error) and refused.code == code
        assert await client.read_event() is None
    assert await is_alive(port)


@pytest.mark.parametrize(
    "text",
    [
        "Tea\x00time",
        "<speak><break time='99s'/>Tea</speak>",
        "$(reboot); `id` | tea",
        "\u202etea \u2066time",
        "⟦ko:tea⟧⟦",
        "x" * 300,
        "あ" * 500,
        "Te\u0301a 🐈 time",
    ],
)
async def test_hostile_text_is_said_as_far_as_it_can_be(port: int, text: str) -> None:
    async with connected(port) as client:
        assert isinstance(await ask(client, text), bytes)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text": None},
        {"text": 5},
        {"text": ["a"]},
        {"text": "Hi", "voice": {"name": 5}},
        {"text": "Hi", "voice": {"language": "xx"}},
    ],
)
async def test_a_request_of_another_form_is_an_error(port: int, data: dict[str, object]) -> None:
    async with connected(port) as client:
        await client.write_event(Event("synthesize", data))
        assert isinstance(await answer(client), Error)


async def test_a_voice_of_another_form_is_that_of_the_script(port: int) -> None:
    async with connected(port) as client:
        await client.write_event(Event("synthesize", {"text": "Hi there", "voice": ["pirate"]}))
        assert isinstance(await answer(client), bytes)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\n",
        b"{}\n",
        b"[]\n",
        b'{"type": 1}\n',
        b'{"type": "synthesize", "data": []}\n',
        b'{"type": "synthesize", "data_length": 99999999999}\n',
        b'{"type": "synthesize", "payload_length": -1}\n',
        b'{"type": "synthesize", "data_length": "many"}\n',
        b'{"type": "synthesize", "data_length": 4}\nnope',
        b"[" * 60_000 + b"\n",
        b'{"type": "ping", "data": {"text": "\\ud800"}}\n',
        b"x" * 200_000,
    ],
)
async def test_what_is_no_event_is_an_error(port: int, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(30):
        head = json.loads(await reader.readline())
        assert head["type"] == "error"
        assert json.loads(await reader.readexactly(head["data_length"]))["code"] == "invalid_request"
    writer.close()
    assert await is_alive(port)


@pytest.mark.parametrize(
    "sent", [b"", b'{"type": "synth', b'{"type": "synthesize", "data_length": 500}\n{"text"']
)
async def test_half_an_event_is_no_harm(port: int, sent: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await is_alive(port)


async def test_an_event_in_pieces_is_understood(port: int) -> None:
    async with connected(port) as client:
        body = json.dumps({"text": "Hello there"}).encode()
        sent = b'{"type": "synthesize", "data_length": %d}\n' % len(body) + body
        for at in range(0, len(sent), 7):
            client._writer.write(sent[at : at + 7])  # type: ignore[union-attr]
            await client._writer.drain()  # type: ignore[union-attr]
        assert isinstance(await answer(client), bytes)


async def test_events_that_are_not_for_a_voice_are_ignored(port: int) -> None:
    async with connected(port) as client:
        await client.write_event(Event("transcribe", {"language": "en"}, b"\x00" * 1000))
        assert (await program(client)).name == "catflap"


async def test_a_client_that_goes_away_in_the_middle_is_no_harm(port: int) -> None:
    for _ in range(3):
        async with connected(port) as client:
            await client.write_event(Synthesize("One sentence. Another sentence. " * 10).event())
            event = await client.read_event()
            assert event is not None and AudioStart.is_type(event.type)
    assert await is_alive(port)


async def test_more_connections_than_there_may_be_are_refused_until_one_ends() -> None:
    # A server of its own, because those of the other tests may still be ending.
    server = WyomingServer(None, tuple(dialects()))  # type: ignore[arg-type]
    async with server.listening("127.0.0.1", 0) as (_, port), AsyncExitStack() as stack:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS)]
        for _, writer in held:
            stack.callback(writer.close)
            writer.write(b'{"type": "ping"}\n')
        for reader, _ in held:
            assert b"pong" in await reader.readline()
        async with connected(port) as client:
            event = await client.read_event()
            assert event is not None and Error.from_event(event).code == "too_many"
        for reader, writer in held:
            writer.write_eof()
            # The server has seen it when it closes too.
            await reader.read()
        assert await is_alive(port)


async def test_a_client_that_does_not_read_is_dropped_with_what_it_did_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    serve = WyomingServer._serve

    async def serve_and_tell(self: WyomingServer, *of: Any, **more: Any) -> None:
        await serve(self, *of, **more)
        left.put_nowait(of[1])

    class Loud:
        async def speak(self, text: str, dialect: str) -> bytes:
            return bytes(32_000 * 60)

    monkeypatch.setattr(WyomingServer, "_serve", serve_and_tell)
    monkeypatch.setattr(wyoming_server, "_WRITE_SECONDS", 0.2)
    server = WyomingServer(Loud(), tuple(dialects()))  # type: ignore[arg-type]
    async with server.listening("127.0.0.1", 0) as (_, bound), connected(bound) as client:
        await client.write_event(Synthesize("One. Two. Three. Four. Five. Six.").event())
        writer = await left.get()
        # The loop closes the socket in its next round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert writer.get_extra_info("socket").fileno() == -1


def test_an_address_in_use_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("wyoming", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert ended.returncode == 3
    assert "Can't listen on 127.0.0.1" in ended.stderr and "Traceback" not in ended.stderr


def test_an_unknown_dialect_ends_it_at_the_start(tmp_path: Path) -> None:
    ended = run("wyoming", "--dialect", "parrot", cwd=tmp_path)
    assert ended.returncode == 2
    assert "kansai" in ended.stderr and "pirate" in ended.stderr


def test_its_help_has_examples() -> None:
    shown = subprocess.run([*_START[:-2], "--help"], capture_output=True, text=True, check=True)
    assert "Examples" in shown.stdout and "10200" in shown.stdout
