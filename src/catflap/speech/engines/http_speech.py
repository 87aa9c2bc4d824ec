"""Requests of the engine programs that ask a speech server over HTTP, with limits of time and size.

Redirects are not followed: the text would go to a server that nobody chose. No proxy is used.
"""

import time
from collections.abc import Mapping
from typing import Any

import httpx2

from catflap.speech.engines.loudness import Samples
from catflap.speech.engines.serving import EngineUnavailable
from catflap.speech.engines.wav_reading import NotReadable, read_wav
from catflap.tls import tls_context

_MOST_AUDIO_BYTES = 8 * 1024 * 1024
_MOST_JSON_BYTES = 1024 * 1024
_CONNECT_SECONDS = 3.0
# The server is there and can't say this text; another text may be said.
_REFUSED = frozenset({400, 413, 422})


class TextRefused(Exception):
    """The server is there, and refused this text."""


class SpeechServer:
    """A speech server.

    Args:
        seconds: The time of one request, until its last byte.
        key: A bearer token.
    """

    def __init__(self, seconds: float, key: str = "") -> None:
        self._seconds = seconds
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            verify=tls_context(trust_env=True),
            follow_redirects=False,
            trust_env=False,
        )

    def post_for_json(self, url: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Return the JSON object that a POST answers.

        Raises:
            EngineUnavailable, TextRefused: as `post_for_wav`.
        """
        response = self._post(
            url, params=params, body=None, kinds=("application/json",), most=_MOST_JSON_BYTES
        )
        try:
            found = httpx2.Response(200, content=response).json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise EngineUnavailable("not_json")
        return found

    def post_for_wav(
        self, url: str, body: Mapping[str, Any], params: Mapping[str, str] | None = None
    ) -> tuple[Samples, int]:
        """Return the samples of the WAV file that a POST of a JSON body answers, and their rate.

        Raises:
            EngineUnavailable: there is no answer in time, or a wrong one.
            TextRefused: the server refuses this body.
        """
        kinds = ("audio/", "application/octet-stream")
        content = self._post(url, params=params, body=body, kinds=kinds, most=_MOST_AUDIO_BYTES)
        try:
            return read_wav(content)
        except NotReadable:
            raise EngineUnavailable("not_wav") from None

    def _post(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        kinds: tuple[str, ...],
        most: int,
    ) -> bytes:
        until = time.monotonic() + self._seconds
        try:
            with self._client.stream("POST", url, params=params, json=body) as response:
                if response.status_code in _REFUSED:
                    raise TextRefused
                if response.status_code != httpx2.codes.OK:
                    raise EngineUnavailable(f"http_{response.status_code}")
                if not response.headers.get("content-type", "").lower().startswith(kinds):
                    raise EngineUnavailable("wrong_type")
                return _read(response, most, until)
        except httpx2.TimeoutException:
            raise EngineUnavailable("no_answer_in_time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError):
            raise EngineUnavailable("no_connection") from None


def _read(response: httpx2.Response, most: int, until: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > most:
            raise EngineUnavailable("too_large")
        if time.monotonic() > until:
            raise EngineUnavailable("no_answer_in_time")
    return bytes(content)
