"""A text-to-speech server of the Wyoming protocol, as Home Assistant's integration asks it.

A voice is a dialect. A text is said sentence by sentence, so that the first is heard while the next is made.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize

from catflap.cli.wyoming_events import MOST_BYTES, WrongEvent, read_event
from catflap.errors import BadRequest, CatflapError
from catflap.log import log
from catflap.speech import Dialect, Speech, VoiceChoice, language_of, say_text, split_sentences
from catflap.speech.wav import RATE

MOST_CHARACTERS = 2000
MOST_CONNECTIONS = 16
# A client that says nothing, or does not read, is not kept.
_IDLE_SECONDS, _WRITE_SECONDS = 300.0, 30.0
_SAMPLES_PER_CHUNK = 1600
_ATTRIBUTION = Attribution(name="Catflap", url="")
_VERSION = version("catflap")


@dataclass(frozen=True)
class WyomingServer:
    """Serves the voices of `dialects`; the first of a language is its default.

    Args:
        speech: What speaks.
        dialects: Those to offer, the default of each language before the others.
    """

    speech: Speech
    dialects: tuple[Dialect, ...]

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Accept connections while the context is open; yields the address.

        Raises:
            OSError: the address can't be bound.
        """
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            is_full = len(tasks) >= MOST_CONNECTIONS
            task = asyncio.ensure_future(self._serve(reader, writer, is_full=is_full))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, host, port, limit=MOST_BYTES)
        try:
            yield server.sockets[0].getsockname()[:2]
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_full: bool
    ) -> None:
        async with _closing(writer):
            if is_full:
                await _send(writer, Error("There are too many connections.", "too_many"))
                return
            try:
                while event := await asyncio.wait_for(read_event(reader), _IDLE_SECONDS):
                    await self._answer(event, writer)
            except WrongEvent:
                await _send(writer, Error("This is no event of the Wyoming protocol.", "invalid_request"))
            except CatflapError as error:
                # Its message never holds the text. The client waits for sound, so the connection is closed.
                log.info("wyoming_refused", code=error.code)
                await _send(writer, Error(error.message, error.code))

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        if Describe.is_type(event.type):
            await _send(writer, self._info())
        elif Ping.is_type(event.type):
            text = event.data.get("text")
            await _send(writer, Pong(text=text if isinstance(text, str) else None))
        elif Synthesize.is_type(event.type):
            await self._synthesise(event, writer)

    async def _synthesise(self, event: Event, writer: asyncio.StreamWriter) -> None:
        text = event.data.get("text")
        if not isinstance(text, str):
            raise BadRequest("invalid_request", "There is no text.")
        if len(text) > MOST_CHARACTERS:
            raise BadRequest("too_large", f"A text may have {MOST_CHARACTERS} characters.")
        dialect = self._dialect(event.data.get("voice"), text)
        # Before the sound begins, because after that it can't be refused any more.
        spoken = [say_text(dialect.id, one).spoken for one in split_sentences(text)]
        first = await self.speech.speak(spoken[0], VoiceChoice(dialect.id))
        await _send(writer, AudioStart(RATE, 2, 1))
        await _send_sound(writer, first)
        for one in spoken[1:]:
            await _send_sound(writer, await self.speech.speak(one, VoiceChoice(dialect.id)))
        await _send(writer, AudioStop())

    def _dialect(self, voice: object, text: str) -> Dialect:
        """Return the dialect that is asked for by name, by language or not at all.

        Raises:
            BadRequest: `unknown_dialect`.
        """
        asked = voice if isinstance(voice, dict) else {}
        name, language = asked.get("name"), asked.get("language")
        if name is not None:
            found = [one for one in self.dialects if one.id == name]
        elif language is not None:
            wanted = str(language).replace("_", "-").partition("-")[0].lower()
            found = [one for one in self.dialects if one.language == wanted]
        else:
            found = [one for one in self.dialects if one.language == language_of(text)] or [*self.dialects]
        if not found:
            known = ", ".join(one.id for one in self.dialects)
            raise BadRequest("unknown_dialect", f"There is no such voice; there are {known}.")
        return found[0]

    def _info(self) -> Info:
        voices = [
            TtsVoice(
                name=one.id,
                description=f"{one.name} ({one.native_name})",
                attribution=_ATTRIBUTION,
                installed=True,
                version=_VERSION,
                languages=[one.language],
            )
            for one in self.dialects
        ]
        program = TtsProgram(
            name="catflap",
            description="Mia, a cat who speaks in dialects",
            attribution=_ATTRIBUTION,
            installed=True,
            version=_VERSION,
            voices=voices,
        )
        return Info(tts=[program])


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection at the end, whose errors end it; one that takes nothing any more is aborted."""
    try:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            yield
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_WRITE_SECONDS):
                await writer.wait_closed()
    finally:
        # It would be kept with what was not sent, as long as the client keeps it.
        writer.transport.abort()


async def _send_sound(writer: asyncio.StreamWriter, pcm: bytes) -> None:
    size = 2 * _SAMPLES_PER_CHUNK
    for begin in range(0, len(pcm), size):
        await _send(writer, AudioChunk(RATE, 2, 1, pcm[begin : begin + size]))


async def _send(writer: asyncio.StreamWriter, event: Eventable) -> None:
    async with asyncio.timeout(_WRITE_SECONDS):
        await async_write_event(event.event(), writer)
