"""Run a speech engine in a process of its own, and restart it when it crashes or hangs.

Native engines can crash or hang on any text, and one of them is GPL-3, so they are never loaded into this
process. Requests go through a socket that is the standard input of the engine process; it exits when the
socket is closed. One request at a time, because the engines aren't thread-safe.
"""

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence

from catflap.installer import install_command
from catflap.speech.errors import SpeechFailed
from catflap.speech.protocol import AUDIO, HEADER, MAX_FRAME, SynthesisRequest, encode_frame

# Enough to start Python; all other variables, such as secrets, are not passed on.
_ENVIRONMENT = (
    "PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_ATTEMPTS = 2
_REFUSED = "The voice could not say these words."
_CHANGED_FILES = "Files of the voice are not those that were tested. Install its extra again: "


class EngineProcess:
    """An engine process, started at the first request and restarted after it ends.

    Args:
        command: The program and its arguments.
        timeout: Seconds for one request, including the start of the process.
        environment: Further variables of the process.
    """

    def __init__(
        self, command: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = tuple(command)
        self._timeout = timeout
        self._environment = environment or {}
        self._lock = asyncio.Lock()
        self._closed = False
        self._process: Process | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def synthesise(self, request: SynthesisRequest) -> bytes:
        """Return the PCM samples for a request.

        Raises:
            SpeechFailed: `speech_timeout`, `speech_crashed` (twice in a row), `speech_closed`, or the
                engine's own code: `speech_empty`, `speech_refused`, `speech_unavailable`,
                `speech_files_changed`.
        """
        async with self._lock:
            for _ in range(_ATTEMPTS):
                if self._closed:
                    raise SpeechFailed("speech_closed", "The voice is shutting down.")
                try:
                    async with asyncio.timeout(self._timeout):
                        reply = await self._exchange(request.encode())
                except TimeoutError:
                    await self._kill()
                    raise SpeechFailed(
                        "speech_timeout", "The voice took too long; it was restarted."
                    ) from None
                except (OSError, asyncio.IncompleteReadError):
                    await self._kill()
                    continue
                except BaseException:
                    # The request was cancelled; its reply must not be read as that of the next request.
                    await self._kill()
                    raise
                return _parse_reply(reply)
            raise SpeechFailed("speech_crashed", "The voice stopped unexpectedly; it will be restarted.")

    async def aclose(self) -> None:
        """Kill the process, if it runs, without waiting for the current request."""
        self._closed = True
        await self._kill()

    async def _exchange(self, body: bytes) -> bytes:
        reader, writer = self._streams or await self._start()
        if self._closed:
            raise ConnectionError("closed while the engine was starting")
        writer.write(encode_frame(body))
        await writer.drain()
        (size,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if size > MAX_FRAME:
            raise ConnectionError("the reply is longer than a frame may be")
        return await reader.readexactly(size)

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parent, child = socket.socketpair()
        try:
            with child:
                # A new session, so that Ctrl-C in the terminal does not reach the engine.
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=child.fileno(),
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    start_new_session=True,
                    env={
                        **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                        **_ONE_THREAD,
                        **self._environment,
                    },
                )
            self._streams = await asyncio.open_unix_connection(sock=parent)
        except BaseException:
            parent.close()
            raise
        return self._streams

    async def _kill(self) -> None:
        streams, self._streams = self._streams, None
        process, self._process = self._process, None
        if process:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    # The whole session: an engine may have forked.
                    os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        if streams:
            streams[1].close()
            with contextlib.suppress(OSError):
                await asyncio.shield(streams[1].wait_closed())


def _parse_reply(reply: bytes) -> bytes:
    kind, body = reply[:1], reply[1:]
    if kind == AUDIO:
        return body
    code, _, reason = body.decode("ascii", "replace").partition(" ")
    message = _REFUSED
    if code == "speech_files_changed":
        message = f"{_CHANGED_FILES}{install_command('kokoro', again=True)}."
    raise SpeechFailed(code, message, detail=reason or None)
