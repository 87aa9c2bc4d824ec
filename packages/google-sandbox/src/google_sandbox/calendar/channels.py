"""Push channels: real POSTs to the address an app registered.

Source: Calendar push guide. `sync` comes first; 500, 502, 503 and 504 are tried again, other failures are
not; numbers grow with gaps. Addresses must be HTTPS, but for loopback ones, which exist only here. Choices:
a channel lives a week unless it asks for less, and at most 30 days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from google_sandbox.delivery import DeliveryQueue, Message
from google_sandbox.errors import ApiError

DEFAULT_LIFE = timedelta(seconds=604800)
LONGEST_LIFE = timedelta(days=30)
RETRIED_STATUSES = frozenset({500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


@dataclass(slots=True, eq=False)
class Channel:
    """A subscription; `resource` names what is watched: a calendar's events or a user's list."""

    id: str
    resource: str
    resource_id: str
    resource_uri: str
    address: str
    sub: str
    client_id: str
    expires_at: datetime
    token: str | None = None
    message_number: int = 0
    waiting: list[str] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    def headers(self, state: str) -> dict[str, str]:
        """Return the headers of the next message."""
        self.message_number = 1 if state == "sync" else self.message_number + 1 + self.message_number % 3
        headers = {
            "X-Goog-Channel-ID": self.id,
            "X-Goog-Channel-Expiration": format_datetime(self.expires_at, usegmt=True),
            "X-Goog-Message-Number": str(self.message_number),
            "X-Goog-Resource-ID": self.resource_id,
            "X-Goog-Resource-State": state,
            "X-Goog-Resource-URI": self.resource_uri,
            "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
            "Content-Type": "application/octet-stream",
        }
        return headers | ({"X-Goog-Channel-Token": self.token} if self.token else {})


class Channels:
    """Every channel."""

    def __init__(self, now: Callable[[], datetime], delivery: DeliveryQueue) -> None:
        self._now = now
        self._delivery = delivery
        self._by_id: dict[str, Channel] = {}
        self._is_lost: Callable[[], bool] = lambda: False

    def lose(self, is_lost: Callable[[], bool]) -> None:
        """Ask `is_lost` about each message from now on, and do not send those that it returns True for."""
        self._is_lost = is_lost

    def open(self, body: dict[str, Any], resource: str, uri: str, sub: str, client_id: str) -> Channel:
        """Open a channel and queue its `sync` message.

        Raises:
            ApiError: 400, if the request makes no sense.
        """
        channel_id, address, token = body.get("id"), body.get("address"), body.get("token")
        if not isinstance(channel_id, str) or not 0 < len(channel_id) <= 64:
            raise ApiError(
                400, "required" if channel_id is None else "invalid", "Invalid value for: channel id"
            )
        if body.get("type") not in ("web_hook", "webhook"):
            raise ApiError(400, "invalid", "Unknown channel type")
        if token is not None and not (isinstance(token, str) and len(token) <= 256):
            raise ApiError(400, "invalid", "Invalid value for: channel token")
        _check_address(address)
        if channel_id in self._by_id and self._by_id[channel_id].expires_at > self._now():
            raise ApiError(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
        digest = hashlib.sha256(resource.encode()).hexdigest()[:27]
        channel = Channel(
            channel_id, resource, digest, uri, str(address), sub, client_id, self._expiry(body), token or None
        )
        self._by_id[channel_id] = channel
        self._send(channel, "sync")
        return channel

    def stop(self, channel_id: object, resource_id: object, sub: str, client_id: str) -> None:
        """Close a channel of this user and client.

        Raises:
            ApiError: 404, if there is none.
        """
        channel = self._by_id.get(channel_id) if isinstance(channel_id, str) else None
        if channel is None or (channel.resource_id, channel.sub, channel.client_id) != (
            resource_id,
            sub,
            client_id,
        ):
            raise ApiError(404, "notFound", f"Channel '{str(channel_id)[:64]}' not found for project")
        del self._by_id[channel.id]

    def changed(self, resource: str, state: str = "exists") -> None:
        """Queue a notification to every channel on a resource."""
        for channel in list(self._by_id.values()):
            if channel.resource == resource:
                self._send(channel, state)

    def expire(self, subs: Iterable[str] | None = None) -> None:
        """Expire the channels of these users, or of all."""
        wanted = None if subs is None else set(subs)
        for channel in list(self._by_id.values()):
            if wanted is None or channel.sub in wanted:
                channel.expires_at = self._now()

    def restore(self, channel: Channel) -> None:
        """Restore a channel read from a state file."""
        self._by_id[channel.id] = channel

    def all(self) -> list[Channel]:
        """Return the channels that are open."""
        return [channel for channel in list(self._by_id.values()) if channel.expires_at > self._now()]

    def _send(self, channel: Channel, state: str) -> None:
        if channel.expires_at > self._now() and channel.waiting[-1:] != [state]:
            if self._is_lost():
                # Its number is used up all the same.
                channel.headers(state)
                return
            channel.waiting.append(state)
            self._delivery.send(f"channel:{channel.id}", lambda: self._pack(channel))

    def _pack(self, channel: Channel) -> Message | None:
        state = channel.waiting.pop(0)
        if self._by_id.get(channel.id) is not channel or channel.expires_at <= self._now():
            return None
        message = Message(channel.address, channel.headers(state), b"", RETRIED_STATUSES)
        channel.sent.append(message)
        return message

    def _expiry(self, body: dict[str, Any]) -> datetime:
        now = self._now()
        parameters = body.get("params")
        wanted: Any = None
        try:
            if body.get("expiration") is not None:
                wanted = timedelta(milliseconds=int(body["expiration"])) - timedelta(seconds=now.timestamp())
            elif isinstance(parameters, dict) and parameters.get("ttl") is not None:
                wanted = timedelta(seconds=int(parameters["ttl"]))
        except (ValueError, TypeError, OverflowError):
            raise ApiError(400, "invalid", "Invalid value for: expiration") from None
        if wanted is not None and wanted <= timedelta(0):
            raise ApiError(400, "invalid", "Channel expiration is in the past")
        return now + min(wanted or DEFAULT_LIFE, LONGEST_LIFE)


def _check_address(address: object) -> None:
    try:
        parts = urlsplit(address) if isinstance(address, str) else None
        host = parts.hostname if parts else None
        valid_port = parts is None or parts.port is None or parts.port > 0
    except ValueError:
        parts, host, valid_port = None, None, False
    if parts is None or not host or not valid_port or parts.scheme not in ("http", "https"):
        raise ApiError(
            400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {str(address)[:200]}"
        )
    if parts.scheme != "https" and host not in LOOPBACK:
        raise ApiError(
            400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {str(address)[:200]}"
        )
