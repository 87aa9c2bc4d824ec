"""Client of the Google Calendar API: open and stop push channels (`events.watch`, `channels.stop`).

No storage, no policy, no retries, as in `calendar`. `CHANNEL_RULES` maps Google's errors, by their reason.
Source: Google's guide "Push notifications" (developers.google.com/workspace/calendar/api/guides/push).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx2

from catflap.errors import BadRequest, CatflapError, OperatorMustAct
from catflap.google import members
from catflap.google.calendar_errors import (
    CalendarGone,
    ErrorRule,
    reason_names,
    reasons_of,
    refusal,
    unavailable,
)
from catflap.google.calendar_requests import json_object, send
from catflap.google.fetch import SMALL, FetchedResponse
from catflap.google.members import Malformed

# Google's default, and what we ask for; Google may give less.
LIFETIME = timedelta(days=7)
_MAX_RESOURCE_ID = 1024


class ChannelIdTaken(BadRequest):
    """A channel with this id exists at Google."""


class PushNotSupported(BadRequest):
    """Google sends no notifications for this resource, such as its own calendars of holidays."""


# Every other reason means the same as for reading.
CHANNEL_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        OperatorMustAct,
        "push_address_refused",
        "Google does not send push notifications to this Catflap: it must be reached at an https address with"
        " a certificate that Google accepts. Correct CATFLAP_PUBLIC_URL, or CATFLAP_CALENDAR_PUSH_URL where"
        " it is set; CATFLAP_CALENDAR_PUSH_URL=off does without push.",
        reason_names("push.webhookUrlNotHttps push.webhookUrlUnauthorized"),
    ),
    ErrorRule(
        PushNotSupported,
        "push_not_supported",
        "Google has no push notifications for this calendar; it is read regularly.",
        reason_names("pushNotSupportedForRequestedResource"),
    ),
    ErrorRule(
        ChannelIdTaken,
        "channel_id_taken",
        "Google has a push channel with this id; another id is chosen.",
        reason_names("channelIdNotUnique"),
    ),
)


@dataclass(frozen=True)
class OpenedChannel:
    """A channel as Google opened it; `expires_at` is what counts, whatever was asked for."""

    resource_id: str
    expires_at: datetime


@dataclass(frozen=True)
class NewChannel:
    """A channel to open.

    Args:
        id: Unique for ever, 64 characters at most.
        token: Sent along with each notification, 256 characters at most.
        address: Where Google sends the notifications.
    """

    id: str
    token: str = field(repr=False)
    address: str


class CalendarChannelApi:
    """The methods of Calendar API v3 for push channels.

    Args:
        http: Sends the requests, with its timeouts.
        base_url: Where Google's APIs live, such as `https://www.googleapis.com`.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/calendar/v3"

    async def watch_events(self, token: str, calendar_id: str, channel: NewChannel) -> OpenedChannel:
        """Open a channel for the events of a calendar (`events.watch`).

        The first notification, of the state `sync`, may arrive before this returns.

        Raises:
            PushNotSupported: Google has none for this calendar.
            ChannelIdTaken: the id was used before.
            CalendarGone: `not_found`, `not_allowed`.
            AccessRefused: the access token.
            UserMustAct: `scope_missing`, `google_account_refused`.
            OperatorMustAct: `push_address_refused`, `google_api_disabled`, `google_project_refused`.
            TryAgain: `google_rate_limited`, `google_quota_exceeded`, `google_unavailable`; after the last one
                it is unknown whether the channel was opened.
            BadRequest: `google_refused`.
        """
        path = f"/calendars/{quote(calendar_id, safe='')}/events/watch"
        return await self._watch(token, path, channel, about_calendar=True)

    async def watch_list(self, token: str, channel: NewChannel) -> OpenedChannel:
        """Open a channel for the calendar list of the user (`calendarList.watch`).

        Raises:
            CatflapError: as `watch_events`.
        """
        return await self._watch(token, "/users/me/calendarList/watch", channel, about_calendar=False)

    async def stop(self, token: str, channel_id: str, resource_id: str) -> None:
        """Stop a channel of the same user and client; return also when there is none (`channels.stop`).

        Raises:
            CatflapError: as `watch_events`.
        """
        try:
            await self._post(
                token, "/channels/stop", {"id": channel_id, "resourceId": resource_id}, about_calendar=True
            )
        except CalendarGone as error:
            if error.code != "not_found":
                raise

    async def _watch(
        self, token: str, path: str, channel: NewChannel, *, about_calendar: bool
    ) -> OpenedChannel:
        body = {
            "id": channel.id,
            "type": "web_hook",
            "address": channel.address,
            "token": channel.token,
            # Not `expiration`, which would depend on our clock.
            "params": {"ttl": str(int(LIFETIME.total_seconds()))},
        }
        opened = json_object(await self._post(token, path, body, about_calendar=about_calendar))
        try:
            resource_id = members.required(
                members.token(opened, "resourceId", _MAX_RESOURCE_ID), "resourceId"
            )
            return OpenedChannel(resource_id, _expiration(opened))
        except Malformed as error:
            raise unavailable(f"malformed {error.name}") from None

    async def _post(
        self, token: str, path: str, body: Mapping[str, Any], *, about_calendar: bool
    ) -> FetchedResponse:
        refused = partial(channel_refusal, about_calendar=about_calendar)
        return await send(
            self._http, "POST", self._root + path, token, limit=SMALL, refusal=refused, json=body
        )


def channel_refusal(
    response: FetchedResponse, body: Mapping[str, Any] | None, *, about_calendar: bool
) -> CatflapError:
    """Return the error for a response other than 2xx.

    Args:
        about_calendar: As for `refusal`, which decides about every reason that has no rule here.
    """
    status, reasons = response.status, reasons_of(body)
    for rule in CHANNEL_RULES:
        # Not by status: an address is refused with 400 or 401, and a 401 otherwise means the token.
        if 400 <= status < 500 and not rule.reasons.isdisjoint(reasons):
            return rule.error(" ".join([str(status), *sorted(reasons)]), response.retry_after())
    return refusal(response, body, about_calendar=about_calendar)


def _expiration(opened: Mapping[str, Any]) -> datetime:
    """Return `expiration`, milliseconds since 1970 as a string."""
    milliseconds = members.required(members.token(opened, "expiration", 16), "expiration")
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("expiration") from None
