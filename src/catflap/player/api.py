"""The HTTP API of devices, as a device uses it."""

import contextlib
import hashlib
import json
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
        """Return a pairing: the code to show, the handle to ask with, and its times in seconds.

        Args:
            model: What the device is.
            channel: How announcements will reach it, as `catflap.devices.devices.Channel`.
        """
        body = {"token_sha256": self._token_sha256, "model": model, "channel": channel}
        begun: dict[str, Any] = (await self._send("POST", "/v1/pairings", body)).json()
        return begun

    async def is_claimed(self, handle: str) -> bool:
        """Return whether a user has claimed the device.

        Raises:
            BadRequest: `expired`: begin anew.
        """
        return bool((await self._send("GET", f"/v1/pairings/{handle}")).json()["status"] == "claimed")

    async def mqtt_login(self) -> dict[str, Any]:
        """Return how the device logs in to the MQTT broker.

        Raises:
            BadRequest: `mqtt_off`, `unpaired`.
            TryAgain: `server_unavailable`.
        """
        login: dict[str, Any] = (await self._send("GET", "/v1/device/mqtt")).json()
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
                if response.is_error:
                    await response.aread()
                    raise _refusal(response)
                async for event, data in _events(response.aiter_lines()):
                    if event == "end":
                        raise BadRequest("unpaired", _UNPAIRED)
                    if event == "schedule":
                        yield _document(data)
        except httpx2.HTTPError as error:
            raise _unavailable(error) from None

    async def sound(self, url: str) -> bytes:
        """Return a sound; it is asked of the server of this device, whatever host the address names.

        Raises:
            BadRequest: it is gone.
            TryAgain: `server_unavailable`.
        """
        origin = urlsplit(self._origin)
        own = urlsplit(url)._replace(scheme=origin.scheme, netloc=origin.netloc).geturl()
        try:
            response = await self._http.get(own, timeout=_TIMEOUT)
        except httpx2.HTTPError as error:
            raise _unavailable(error) from None
        if response.is_error:
            raise _refusal(response)
        return response.content[:_MOST_BYTES]

    async def send_heartbeat(self) -> None:
        """Tell that the device is online."""
        await self._send("POST", "/v1/device/heartbeat")

    async def acknowledge(self, ack: dict[str, str]) -> None:
        """Tell what became of an announcement.

        Raises:
            BadRequest: the server does not know it, or not any more.
        """
        await self._send("POST", "/v1/device/acks", ack)

    async def _send(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        try:
            response = await self._http.request(
                method, self._origin + path, json=body, headers=self._headers, timeout=_TIMEOUT
            )
        except httpx2.HTTPError as error:
            raise _unavailable(error) from None
        if response.is_error:
            raise _refusal(response)
        return response


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
        elif not line:
            if data:
                yield event, "\n".join(data)
            event, data = "message", []


def _document(data: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        if document := checked_document(json.loads(data)):
            return document
    raise TryAgain("server_unavailable", "The server sent a schedule that can't be read.")


def _unavailable(error: httpx2.HTTPError) -> CatflapError:
    cause: BaseException | None = error
    while cause is not None:
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return OperatorMustAct(
                "certificate_invalid",
                "The server's certificate is not valid: renew it, or correct the clock of this machine.",
            )
        cause = cause.__cause__ or cause.__context__
    return TryAgain("server_unavailable", "The server can't be reached.", detail=type(error).__name__)


def _refusal(response: httpx2.Response) -> CatflapError:
    code, message = "refused", f"The server answered {response.status_code}."
    try:
        problem = response.json()
        code, message = str(problem["code"]), str(problem["detail"])
    except (ValueError, TypeError, KeyError):
        pass
    if response.status_code == 401:
        return BadRequest("unpaired", _UNPAIRED)
    if response.status_code == 429 or response.status_code >= 500:
        return TryAgain("server_unavailable", message, detail=code)
    return BadRequest(code, message)
