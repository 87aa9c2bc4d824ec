"""Stop asking a speech server that is down, so that it does not cost each sentence a time-out."""

import asyncio
import time
from collections.abc import Callable

from catflap.log import log
from catflap.speech.engine_process import EngineProcess
from catflap.speech.errors import SpeechFailed
from catflap.speech.protocol import SynthesisRequest

_FAILURES = 2
# Failures that don't depend on the text.
_UNAVAILABLE = frozenset({"speech_unavailable", "speech_timeout", "speech_crashed"})
_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 300.0


class Circuit:
    """Opens after two failures in a row; after a pause that doubles each time, one request may try again.

    Args:
        monotonic: The current time in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether no request may be made now."""
        return self._failures >= _FAILURES and self._monotonic() < self._open_until

    def record_success(self) -> bool:
        """Record an answer; return whether the circuit had been open."""
        was_open = self._failures >= _FAILURES
        self._failures = 0
        return was_open

    def record_failure(self) -> float:
        """Record a request without a usable answer; return for how many seconds none may be made."""
        self._failures += 1
        if self._failures < _FAILURES:
            return 0.0
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures - _FAILURES, 10))
        self._open_until = self._monotonic() + pause
        return pause


class GuardedProcess:
    """The process of an engine that asks a server, which is not asked while its circuit is open.

    Args:
        name: The engine's, for the log.
        process: Its process.
    """

    def __init__(self, name: str, process: EngineProcess) -> None:
        self._name = name
        self._process = process
        self._circuit = Circuit()
        # Requests that waited for one that failed must not all wait as long.
        self._lock = asyncio.Lock()

    async def synthesise(self, request: SynthesisRequest) -> bytes:
        """Return the PCM samples for a request.

        Raises:
            SpeechFailed: `speech_unavailable` at once while the circuit is open; as `EngineProcess`.
        """
        async with self._lock:
            if self._circuit.is_open:
                raise SpeechFailed("speech_unavailable", "The speech server did not answer lately.")
            try:
                samples = await self._process.synthesise(request)
            except SpeechFailed as failed:
                self._record(failed)
                raise
            if self._circuit.record_success():
                log.info("speech_server_back", engine=self._name)
            return samples

    async def aclose(self) -> None:
        """Kill the process."""
        await self._process.aclose()

    def _record(self, failed: SpeechFailed) -> None:
        if failed.code in _UNAVAILABLE:
            pause = self._circuit.record_failure()
            # Its messages never hold the text.
            log.warning(
                "speech_server_failed",
                engine=self._name,
                code=failed.code,
                reason=failed.detail,
                pause_seconds=pause,
                hint="Texts are said by the next engine meanwhile.",
            )
        elif failed.code != "speech_closed":
            self._circuit.record_success()
