"""The HTTP API of devices, as a device uses it."""

import contextlib
import hashlib
import json
import math
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain
from catflap.player.documents import checked_document

# A stream that is silent for longer is dead: the server sends a comment every 15 seconds.
SILENCE_SECONDS = 45.0
_TIMEOUT = httpx2.Timeout(20.0, read=SILENCE_SECONDS)
_MOST_BYTES = 64 * 1024 * 1024
# A schedule of a day is a few hundred kilobytes at most.
_MOST_EVENT_CHARACTERS = 4 * 1024 * 1024
_MOST_DATA_LINES = 1000
_UNPAIRED = "This device is not paired any more."


class DeviceApi:
    """Requests of one device.

    Args:
        http: The connections.
        origin: The server, as `https://mia.example.com`, with the prefix of its routes if they have one.
        token: The device's bearer token.
    """

    def __init__(self, http: httpx2.AsyncClient, origin: str, token: str) -> None:
        self._http = http
        self._origin = origin.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._token_sha256 = hashlib.sha256(token.encode()).hexdigest()

    async def begin_pairing(self, model: str, channel: str = "https") -> dict[str, Any]:
        """Return a pairing: the code to show and where, the handle to ask with, and its times in seconds.

        Args:
            model: What the device is.
            channel: How announcements will reach it, as `catflap.devices.devices.Channel`.

        Raises:
            TryAgain: `server_unavailable`.
        """
        body = {"token_sha256": self._token_sha256, "model": model, "channel": channel}
        _, content = await self._send("POST", "/v1/pairings", body)
        begun = _object(content)
        interval = begun.get("interval")
        # An older server tells no addresses; its page has the form too.
        page = begun.get("verification_uri", self._origin)
        texts = {
            "code": begun.get("code"),
            "handle": begun.get("handle"),
            "page": page,
            "link": begun.get("verification_uri_complete", page),
        }
        are_texts = all(
            isinstance(one, str) and one.isascii() and one.isprintable() for one in texts.values()
        )
        if not are_texts or not isinstance(interval, int | float) or not math.isfinite(interval):
            raise _something_else()
        return {**texts, "interval": min(max(interval, 1), 60)}

    async def is_claimed(self, handle: str) -> bool:
        """Return whether a user has claimed the device.

        Raises:
            BadRequest: `expired`: begin anew.
        """
        _, content = await self._send("GET", f"/v1/pairings/{handle}")
        return bool(_object(content).get("status") == "claimed")

    async def mqtt_login(self) -> dict[str, Any]:
        """Return how the device logs in to the MQTT broker.

        Raises:
            BadRequest: `mqtt_off`, `unpaired`.
            TryAgain: `server_unavailable`.
        """
        _, content = await self._send("GET", "/v1/device/mqtt")
        login = _object(content)
        if not {"host", "port", "tls", "user", "password", "topics"} <= login.keys():
            raise _something_else()
        return login

    async def documents(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the schedule document at once and at each change, until the stream ends.

        Raises:
            BadRequest: `unpaired`.
            TryAgain: `server_unavailable`.
        """
        headers = {**self._headers, "Accept": "text/event-stream"}
        url = self._origin + "/v1/device/schedule"
        try:
            async with self._http.stream("GET", url, headers=headers, timeout=_TIMEOUT) as response:
                if not response.is_success:
                    raise _refusal(response.status_code, await _read(response))
                async for event, data in _events(_lines(response)):
                    if event == "end":
                        raise BadRequest("unpaired", _UNPAIRED)
                    if event == "schedule":
                        yield _document(data)
        except httpx2.HTTPError as error:
            raise _unavailable(self._origin, error) from None

    async def sound(self, url: str) -> bytes:
        """Return a sound; it is asked of the server of this device, whatever host the address names.

        Raises:
            BadRequest: it is gone.
            TryAgain: `server_unavailable`.
        """
        origin = urlsplit(self._origin)
        own = urlsplit(url)._replace(scheme=origin.scheme, netloc=origin.netloc).geturl()
        try:
            async with self._http.stream("GET", own, timeout=_TIMEOUT) as response:
                content = await _read(response)
        except httpx2.HTTPError as error:
            raise _unavailable(self._origin, error) from None
        if not response.is_success:
            raise _refusal(response.status_code, content)
        return content

    async def send_heartbeat(self) -> None:
        """Tell that the device is online."""
        status, _ = await self._send("POST", "/v1/device/heartbeat")
        _check_noted(status)

    async def acknowledge(self, ack: dict[str, str]) -> None:
        """Tell what became of an announcement.

        Raises:
            BadRequest: the server does not know it, or not any more.
            TryAgain: `server_unavailable`; the server does not have it.
        """
        status, _ = await self._send("POST", "/v1/device/acks", ack)
        _check_noted(status)

    async def _send(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Return status and body of an answer that is no error."""
        try:
            async with self._http.stream(
                method, self._origin + path, json=body, headers=self._headers, timeout=_TIMEOUT
            ) as response:
                content = await _read(response)
        except httpx2.HTTPError as error:
            raise _unavailable(self._origin, error) from None
        if not response.is_success:
            raise _refusal(response.status_code, content)
        return response.status_code, content


async def _read(response: httpx2.Response) -> bytes:
    """Return a body, of which what is too much for a sound is left out."""
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece[: _MOST_BYTES - len(content)]
        if len(content) == _MOST_BYTES:
            break
    return bytes(content)


async def _lines(response: httpx2.Response) -> AsyncIterator[str]:
    """Yield lines, which end with LF or CRLF as all of this server do.

    Raises:
        TryAgain: `server_unavailable`: one is too long.
    """
    pieces, size = list[str](), 0
    async for text in response.aiter_text():
        first, *others = text.split("\n")
        pieces.append(first)
        size += len(first)
        for other in others:
            yield "".join(pieces).removesuffix("\r")
            pieces, size = [other], len(other)
        if size > _MOST_EVENT_CHARACTERS:
            raise _something_else()


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Yield events with their data (WHATWG HTML, "Interpreting an event stream")."""
    event, data = "message", list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "data":
            data.append(value)
            if sum(map(len, data)) > _MOST_EVENT_CHARACTERS or len(data) > _MOST_DATA_LINES:
                raise _something_else()
        elif not line:
            if data:
                yield event, "\n".join(data)
            event, data = "message", []


def _document(data: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError, RecursionError):
        if document := checked_document(json.loads(data)):
            return document
    raise TryAgain("server_unavailable", "The server sent a schedule that can't be read.")


def _object(content: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(content)
        if isinstance(found, dict):
            return found
    raise _something_else()


def _check_noted(status: int) -> None:
    """Check that it was the server that took a report, and not the login page of a network."""
    if status != 204:
        raise _something_else()


def _something_else() -> TryAgain:
    return TryAgain(
        "server_unavailable",
        "Something other than Catflap answers at the address of the server: check --server, and whether this "
        "network wants you to log in.",
    )


def _unavailable(origin: str, error: httpx2.HTTPError) -> CatflapError:
    cause: BaseException | None = error
    while cause is not None:
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return OperatorMustAct(
                "certificate_invalid",
                "The server's certificate is not valid: renew it, or correct the clock of this machine.",
            )
        cause = cause.__cause__ or cause.__context__
    return TryAgain(
        "server_unavailable",
        f"{origin} can't be reached. Does Catflap run there, and is the address right (--server)?",
        detail=type(error).__name__,
    )


def _refusal(status: int, content: bytes) -> CatflapError:
    """Return the error of an answer; what has no error code of ours is not from the server itself."""
    code, message = "", f"The server answered {status}."
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        problem = json.loads(content)
        code, message = str(problem["code"]), str(problem["detail"])
    if status == 429 or status >= 500:
        return TryAgain("server_unavailable", message, detail=code or None)
    if not code:
        return _something_else()
    return BadRequest("unpaired", _UNPAIRED) if status == 401 else BadRequest(code, message)
