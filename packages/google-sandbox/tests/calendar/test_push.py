"""Push channels: real POSTs with Google's headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import EVENTS, WHO, timed
from sandbox_support.person import CALLBACK, Person
from sandbox_support.person import EVENTS as EVENTS_SCOPE
from sandbox_support.receiver import Receiver, receiving

STOP = "/calendar/v3/channels/stop"


@pytest.fixture
async def app() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def calendar(app: Receiver, mia: Person, sandbox: Sandbox) -> httpx2.AsyncClient:
    """The receiver starts before the sandbox and stops after it, so that no message is lost at the end."""
    sandbox.state.delivery.retry_seconds = 0.01
    mia.http.headers.update(await mia.bearer())
    return mia.http


def channel(app: Receiver, **more: Any) -> dict[str, Any]:
    return {"id": "channel-1", "type": "web_hook", "address": app.address, "token": "t-1", **more}


async def test_sync_comes_first_and_every_change_after_it(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver, clock: Clock
) -> None:
    opened = (await calendar.post(f"{EVENTS}/watch", json=channel(app))).json()
    assert set(opened) == {"kind", "id", "resourceId", "resourceUri", "token", "expiration"}
    assert int(opened["expiration"]) == int(clock().timestamp() + 604800) * 1000
    headers, body = await app.next()
    assert body == b""
    assert {name: headers[name] for name in headers if name.startswith("x-goog-")} == {
        "x-goog-channel-id": "channel-1",
        "x-goog-channel-token": "t-1",
        "x-goog-channel-expiration": headers["x-goog-channel-expiration"],
        "x-goog-message-number": "1",
        "x-goog-resource-id": opened["resourceId"],
        "x-goog-resource-state": "sync",
        "x-goog-resource-uri": opened["resourceUri"],
    }
    assert parsedate_to_datetime(headers["x-goog-channel-expiration"]).timestamp() * 1000 == int(
        opened["expiration"]
    )
    numbers = [1]
    for change in (timed(), timed(hour=11)):
        sandbox.insert_event(WHO, change)
        headers, _ = await app.next()
        assert headers["x-goog-resource-state"] == "exists"
        numbers.append(int(headers["x-goog-message-number"]))
    assert numbers == sorted(set(numbers)), "numbers grow"
    await calendar.post(EVENTS, json=timed())
    assert (await app.next())[0]["x-goog-resource-state"] == "exists"


async def test_another_calendar_and_another_users_calendar_stay_silent(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver
) -> None:
    await calendar.post(f"{EVENTS}/watch", json=channel(app))
    await app.next()
    sandbox.add_account("leo@example.com")
    sandbox.insert_event("leo@example.com", timed())
    sandbox.insert_event(WHO, timed(summary="mine"))
    await app.next()
    assert app.arrived.empty()


async def test_5xx_is_tried_again_and_other_failures_are_not(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver
) -> None:
    app.answers = [503, 500, 200]
    await calendar.post(f"{EVENTS}/watch", json=channel(app))
    tries = [(await app.next())[0]["x-goog-message-number"] for _ in range(3)]
    assert tries == ["1", "1", "1"]
    app.answers = [404]
    sandbox.insert_event(WHO, timed())
    await app.next()
    sandbox.insert_event(WHO, timed(hour=12))
    headers, _ = await app.next()
    assert int(headers["x-goog-message-number"]) > 2


async def test_a_stopped_or_expired_channel_is_silent(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver, clock: Clock
) -> None:
    opened = (await calendar.post(f"{EVENTS}/watch", json=channel(app, params={"ttl": "60"}))).json()
    await calendar.post(f"{EVENTS}/watch", json=channel(app, id="channel-2"))
    for _ in range(2):
        await app.next()
    clock.advance(seconds=61)
    sandbox.insert_event(WHO, timed())
    headers, _ = await app.next()
    assert headers["x-goog-channel-id"] == "channel-2", "channel-1 lived for a minute"
    stopped = await calendar.post(STOP, json={"id": "channel-2", "resourceId": opened["resourceId"]})
    assert stopped.status_code == 204
    sandbox.insert_event(WHO, timed())
    await calendar.post(f"{EVENTS}/watch", json=channel(app, id="channel-3"))
    assert (await app.next())[0]["x-goog-channel-id"] == "channel-3"
    again = await calendar.post(STOP, json={"id": "channel-2", "resourceId": opened["resourceId"]})
    assert again.status_code == 404


async def test_only_the_user_and_client_that_opened_a_channel_can_stop_it(
    calendar: httpx2.AsyncClient, mia: Person, sandbox: Sandbox, app: Receiver
) -> None:
    opened = (await calendar.post(f"{EVENTS}/watch", json=channel(app))).json()
    sandbox.add_client("other", "s", [CALLBACK])
    other = sandbox.grant(WHO, "other", [EVENTS_SCOPE])["access_token"]
    body = {"id": opened["id"], "resourceId": opened["resourceId"]}
    refused = await mia.http.post(STOP, json=body, headers={"authorization": f"Bearer {other}"})
    assert refused.status_code == 404
    assert (await calendar.post(STOP, json=body)).status_code == 204


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"address": "http://app.example.com/hook"}, "push.webhookUrlNotHttps"),
        ({"address": "gopher://x"}, "push.webhookUrlNotHttps"),
        ({"address": None}, "push.webhookUrlNotHttps"),
        ({"address": "https://[bad"}, "push.webhookUrlNotHttps"),
        ({"id": None}, "required"),
        ({"id": "x" * 65}, "invalid"),
        ({"type": "carrier_pigeon"}, "invalid"),
        ({"token": "x" * 257}, "invalid"),
        ({"expiration": "1"}, "invalid"),
        ({"expiration": "soon"}, "invalid"),
        ({"params": {"ttl": "-5"}}, "invalid"),
    ],
    ids=str,
)
async def test_a_channel_that_makes_no_sense_is_refused(
    calendar: httpx2.AsyncClient, app: Receiver, change: dict[str, Any], reason: str
) -> None:
    refused = await calendar.post(f"{EVENTS}/watch", json=channel(app, **change))
    assert (refused.status_code, refused.json()["error"]["errors"][0]["reason"]) == (400, reason)


async def test_a_channel_id_is_used_once(calendar: httpx2.AsyncClient, app: Receiver) -> None:
    assert (await calendar.post(f"{EVENTS}/watch", json=channel(app))).status_code == 200
    refused = await calendar.post(f"{EVENTS}/watch", json=channel(app))
    assert refused.json()["error"]["errors"][0]["reason"] == "channelIdNotUnique"


async def test_an_expiration_beyond_the_limit_is_cut_down(
    calendar: httpx2.AsyncClient, app: Receiver, clock: Clock
) -> None:
    wanted = str(int((clock().timestamp() + 365 * 86400) * 1000))
    opened = (await calendar.post(f"{EVENTS}/watch", json=channel(app, expiration=wanted))).json()
    assert int(opened["expiration"]) == int(clock().timestamp() + 30 * 86400) * 1000


async def test_the_calendar_list_can_be_watched(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver
) -> None:
    await calendar.post("/calendar/v3/users/me/calendarList/watch", json=channel(app))
    assert (await app.next())[0]["x-goog-resource-state"] == "sync"
    await calendar.post("/calendar/v3/calendars", json={"summary": "Cats"})
    assert (await app.next())[0]["x-goog-resource-state"] == "exists"


async def test_a_share_of_the_messages_is_lost_and_the_numbers_go_on(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver
) -> None:
    await calendar.post(f"{EVENTS}/watch", json=channel(app))
    await app.next()
    sandbox.lose_notifications()
    sandbox.insert_event(WHO, timed())
    sandbox.insert_event(WHO, timed(hour=11))
    sandbox.lose_notifications(0.0)
    sandbox.insert_event(WHO, timed(hour=12))
    headers, _ = await app.next()
    assert int(headers["x-goog-message-number"]) > 5, "lost messages had numbers too"


async def test_which_messages_are_lost_repeats_under_a_seed(sandbox: Sandbox) -> None:
    def losses() -> list[bool]:
        sandbox.lose_notifications(0.5)
        return [sandbox.state.channels._is_lost() for _ in range(100)]

    first = losses()
    assert first == losses() and 30 < sum(first) < 70


async def test_a_calendar_of_googles_own_cannot_be_watched(
    calendar: httpx2.AsyncClient, sandbox: Sandbox, app: Receiver
) -> None:
    holidays = "en.japanese#holiday@group.v.calendar.google.com"
    nothing = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\nEND:VCALENDAR\r\n"
    sandbox.import_ical(WHO, nothing, holidays)
    refused = await calendar.post(
        f"/calendar/v3/calendars/{quote(holidays, safe='')}/events/watch", json=channel(app)
    )
    reason = refused.json()["error"]["errors"][0]["reason"]
    assert (refused.status_code, reason) == (400, "pushNotSupportedForRequestedResource")
    assert sandbox.channels() == []
