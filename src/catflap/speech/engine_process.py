"""One engine in a process of its own, which may be killed at any moment.

Native engines crash and hang on texts nobody foresaw, and one of them is GPL-3: so neither is ever
loaded into this process. Spoken to over a socket on the worker's standard input; when we die it reads
the end of the stream and dies too. One request at a time: the engines aren't thread-safe.
"""

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence

from catflap.speech.errors import SpeechFailed
from catflap.speech.protocol import AUDIO, HEADER, MAX_FRAME, Request, framed

# Enough to start Python; the engines have no business with our secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_ATTEMPTS = 2


class Worker:
    """A worker process, started at its first request and again after each death.

    Args:
        command: The program and its arguments.
        timeout: Seconds for one request, the start of the process included.
    """

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command = tuple(command)
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._closed = False
        self._process: Process | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while a worker runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def ask(self, request: Request) -> bytes:
        """PCM for a request.

        Raises:
            SpeechFailed: `speech_timeout`, `speech_crashed` (twice in a row), `speech_closed`, or the
                engine's own code: `speech_empty`, `speech_refused`.
        """
        async with self._lock:
            for _ in range(_ATTEMPTS):
                if self._closed:
                    raise SpeechFailed("speech_closed", "The voice is shutting down.")
                try:
                    async with asyncio.timeout(self._timeout):
                        reply = await self._exchange(request.encode())
                except TimeoutError:
                    await self._end()
                    raise SpeechFailed(
                        "speech_timeout", "The voice took too long; it was restarted."
                    ) from None
                except (OSError, asyncio.IncompleteReadError):
                    await self._end()
                    continue
                except BaseException:
                    # Whoever waited has gone; the reply still to come must not answer the next request.
                    await self._end()
                    raise
                return _audio(reply)
            raise SpeechFailed("speech_crashed", "The voice stopped unexpectedly; it will be restarted.")

    async def aclose(self) -> None:
        """End the process, if one runs, without waiting for what it was saying."""
        self._closed = True
        await self._end()

    async def _exchange(self, body: bytes) -> bytes:
        reader, writer = self._streams or await self._start()
        if self._closed:
            raise ConnectionError("closed while the worker was starting")
        writer.write(framed(body))
        await writer.drain()
        (size,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if size > MAX_FRAME:
            raise ConnectionError("the worker's reply is no frame")
        return await reader.readexactly(size)

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # A session of its own: Ctrl-C in the terminal is for us to handle.
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=theirs.fileno(),
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    start_new_session=True,
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ONE_THREAD,
                )
            self._streams = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        return self._streams

    async def _end(self) -> None:
        streams, self._streams = self._streams, None
        process, self._process = self._process, None
        if process:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    # The whole session: a worker may have forked.
                    os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        if streams:
            streams[1].close()
            with contextlib.suppress(OSError):
                await asyncio.shield(streams[1].wait_closed())


def _audio(reply: bytes) -> bytes:
    kind, body = reply[:1], reply[1:]
    if kind == AUDIO:
        return body
    raise SpeechFailed(body.decode("ascii", "replace"), "The voice could not say these words.")
