"""One call of each route; the name of a call is `METHOD /path`, and in brackets what is special about it."""

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx2

from catflap.clock import rfc3339
from catflap.speech import RENDERED_AUDIO, VoiceChoice
from google_sandbox.risc.events import event_token, subject
from tests.scale.installation import USER, Call, Large
from tests.support import desktop
from tests.support.app_client import ALICE, BOB, CLIENT_ID
from tests.support.backend import RETURN_TO, follow, make_link
from tests.support.events import event, writer
from tests.support.fake_home_assistant import PLAYER
from tests.support.many_users import account_sub, cookie_token, push_channel_id, push_channel_token
from tests.support.signin_codes import id_token

# Each is called with the rights of another loaded user, whose rows it deletes.
_ERASED, _OTHERS_ENDED, _ENDED, _SIGNED_OUT, _REMOVED = (13 * number for number in range(21, 26))
# Users without an id in an application with its own login are named by ours.
_WITHOUT_OWN_ID = 13 * 27
_CHOOSES = 13 * 28
_ROTATED = 13 * 29
_QUIET = 13 * 30
_INVITES = 13 * 31
_LAST = hashlib.md5(f"{USER}-8".encode()).hexdigest()
WRITER, NEW = "writer@example.com", "new@example.com"
_EVENTS = "www.googleapis.com/calendar/v3/calendars/primary/events"
_PREFERENCES = {
    "zone": "Asia/Tokyo",
    "reminder_minutes": [5],
    "briefing_at": "07:00",
    "dialect_ja": "kansai",
    "dialect_en": "kitten",
}
_READINGS = [{"word": "小鳥遊", "reading": "たかなし"}, {"word": "SRE", "reading": "es are ee"}]


@dataclass(frozen=True)
class _Request:
    """A request of the loaded user, their device or another back end (`by`); a path without parameters."""

    path: str
    by: str = "bearer"
    user: int = USER
    json: Any = None

    async def __call__(self, one: Large, method: str) -> Awaitable[httpx2.Response]:
        headers = {"bearer": one.bearer(self.user), "device": one.device(self.user), "key": one.key, "": {}}
        return one.app.client.request(method, self.path, headers=headers[self.by], json=self.json)


_REQUESTS = {
    "GET /v1/users/{user_id}/google/token": _Request("/v1/users/1/google/token", by="key"),
    "POST /v1/users": _Request("/v1/users", by="key", json={"external_id": "new"}),
    "POST /v1/users (known)": _Request("/v1/users", by="key", json={"external_id": "user-10"}),
    "POST /v1/users/{user_id}/sessions": _Request(f"/v1/users/{USER}/sessions", by="key"),
    "POST /v1/users/{user_id}/consents": _Request(
        f"/v1/users/{USER}/consents", by="key", json={"scopes": "calendar", "return_to": RETURN_TO}
    ),
    "GET /v1/keys": _Request("/v1/keys", by="key"),
    "POST /v1/keys": _Request("/v1/keys", by="key", json={"name": "new", "rights": ["tokens"]}),
    "DELETE /v1/keys/{key_id}": _Request("/v1/keys/2", by="key"),
    "GET /signin/google": _Request("/signin/google?scopes=calendar", by=""),
    "GET /signin/google/popup": _Request("/signin/google/popup?scopes=calendar", by=""),
    "GET /signin/google/desktop": _Request("/signin/google/desktop", by=""),
    "POST /signout": _Request("/signout", user=_SIGNED_OUT),
    "GET /v1/me": _Request("/v1/me"),
    "DELETE /v1/me": _Request("/v1/me", user=_ERASED),
    "GET /v1/me/export": _Request("/v1/me/export"),
    "PUT /v1/me/introduction": _Request("/v1/me/introduction"),
    "GET /v1/grants": _Request("/v1/grants"),
    "PUT /v1/accounts/{sub}/primary": _Request(f"/v1/accounts/{account_sub(USER)}/primary"),
    "GET /v1/session": _Request("/v1/session"),
    "GET /v1/sessions": _Request("/v1/sessions"),
    "DELETE /v1/sessions": _Request("/v1/sessions", user=_OTHERS_ENDED),
    "DELETE /v1/sessions/{session_id}": _Request(f"/v1/sessions/{2 * _ENDED - 1}", user=_ENDED),
    "GET /v1/dialects": _Request("/v1/dialects"),
    "GET /v1/preferences": _Request("/v1/preferences"),
    "PUT /v1/preferences": _Request("/v1/preferences", json=_PREFERENCES),
    "PUT /v1/preferences/browser-zone": _Request("/v1/preferences/browser-zone", json={"zone": "Asia/Tokyo"}),
    "GET /v1/readings": _Request("/v1/readings"),
    "PUT /v1/readings": _Request("/v1/readings", json={"readings": _READINGS[:1]}),
    "PATCH /v1/readings": _Request("/v1/readings", json={"readings": _READINGS}),
    "GET /v1/voices": _Request("/v1/voices"),
    "GET /v1/calendars": _Request("/v1/calendars"),
    "PATCH /v1/calendars/{calendar_id}": _Request(
        f"/v1/calendars/{2 * _CHOOSES}", user=_CHOOSES, json={"selected": True}
    ),
    "PATCH /v1/calendars/{calendar_id} (deselected)": _Request(
        f"/v1/calendars/{2 * _CHOOSES - 1}", user=_CHOOSES, json={"selected": False}
    ),
    "PATCH /v1/calendars/{calendar_id} (announced otherwise)": _Request(
        f"/v1/calendars/{2 * _CHOOSES}", user=_CHOOSES, json={"reminder_minutes": [5], "says_titles": False}
    ),
    "GET /v1/appointments": _Request("/v1/appointments"),
    "GET /v1/announcements": _Request("/v1/announcements"),
    "POST /v1/announcements/preview": _Request("/v1/announcements/preview", json={}),
    "GET /v1/mute": _Request("/v1/mute"),
    "PUT /v1/mute": _Request("/v1/mute", json={"for": "tomorrow"}),
    "DELETE /v1/mute": _Request("/v1/mute"),
    "POST /v1/say": _Request("/v1/say", json={"text": "Dinner is ready!"}),
    "POST /v1/users/{user_id}/announcements": _Request(
        f"/v1/users/{USER}/announcements", by="key", json={"text": "Dinner is ready!"}
    ),
    "POST /v1/pairings": _Request("/v1/pairings", by="", json={"token_sha256": "ab" * 32, "model": "mia"}),
    "GET /v1/pairings/{handle}": _Request("/v1/pairings/handle-20", by=""),
    "POST /v1/devices": _Request("/v1/devices", json={"browser": True}),
    "GET /v1/devices": _Request("/v1/devices"),
    "POST /v1/devices/{device_id}/invitations": _Request(f"/v1/devices/{USER}/invitations"),
    "DELETE /v1/devices/{device_id}/invitations": _Request(f"/v1/devices/{USER}/invitations"),
    "GET /v1/devices/{device_id}/members": _Request(f"/v1/devices/{USER}/members"),
    "PATCH /v1/devices/{device_id}/members/me": _Request(
        f"/v1/devices/{USER}/members/me", json={"says_titles": True}
    ),
    "PATCH /v1/devices/{device_id} (quiet hours)": _Request(
        f"/v1/devices/{_QUIET}", user=_QUIET, json={"quiet_hours": {"from": "22:00", "until": "07:00"}}
    ),
    "PATCH /v1/devices/{device_id}": _Request(f"/v1/devices/{USER}", json={"volume": 50}),
    "DELETE /v1/devices/{device_id}": _Request(f"/v1/devices/{_REMOVED}", user=_REMOVED),
    "GET /v1/device/schedule": _Request("/v1/device/schedule", by="device"),
    "POST /v1/device/heartbeat": _Request("/v1/device/heartbeat", by="device"),
    "POST /v1/device/token": _Request(
        "/v1/device/token", by="device", user=_ROTATED, json={"token_sha256": "cd" * 32}
    ),
    "GET /v1/plays": _Request("/v1/plays"),
    "GET /v1/speakers": _Request("/v1/speakers"),
    "POST /v1/speakers": _Request("/v1/speakers", json={"entity": PLAYER}),
    "GET /metrics": _Request("/metrics", by="key"),
    "GET /healthz": _Request("/healthz", by=""),
    "GET /readyz": _Request("/readyz", by=""),
}


def _simple(name: str, request: _Request) -> Call:
    return lambda one: request(one, name.partition(" ")[0])


async def _refresh(one: Large) -> Awaitable[Any]:
    await one.prepare("UPDATE vault.google_tokens SET expires_at = NULL WHERE user_id = $1", one.alice_id)
    return one.app.client.get(f"/v1/users/{one.alice_id}/google/token", headers=one.key)


async def _code_of_user(one: Large) -> Awaitable[Any]:
    body = {"code": one.app.native_code(BOB, force_refresh_token=True), "scopes": "calendar"}
    return one.app.client.post(f"/v1/users/{USER}/google/code", headers=one.key, json=body)


async def _confirm(one: Large) -> Awaitable[Any]:
    link = await make_link(one.app, one.key, USER)
    told = await follow(await one.app.browser(BOB), link["url"])
    path = f"/v1/users/{USER}/consents/{told['consent']}/confirm"
    return one.app.client.post(path, headers=one.key, json={"code": told["code"]})


async def _consent_link(one: Large) -> Awaitable[Any]:
    return one.app.client.get((await make_link(one.app, one.key, USER))["url"])


async def _proxy(one: Large) -> Awaitable[Any]:
    return one.app.client.get(f"/v1/users/{one.alice_id}/google/{_EVENTS}", headers=one.key)


async def _callback(one: Large, email: str = ALICE) -> Awaitable[Any]:
    browser = await one.app.browser(email)
    begun = await browser.begin()
    return browser.get(await browser.at_google(begun.headers["Location"]))


async def _first_callback(one: Large) -> Awaitable[Any]:
    one.app.sandbox.add_account(NEW)
    return await _callback(one, NEW)


async def _native_code(one: Large) -> Awaitable[Any]:
    body = {"client": "native", "code": one.app.native_code()}
    return one.app.client.post("/signin/google/code", json=body)


async def _desktop_code(one: Large) -> Awaitable[Any]:
    return one.app.client.post(desktop.PATH, json=desktop.minted(one.app))


async def _handover(one: Large) -> Awaitable[Any]:
    return desktop.take_over(await one.app.browser(), f"handover {USER}")


async def _credential(one: Large) -> Awaitable[Any]:
    headers, body = one.app.page_headers(), {"credential": id_token(one.app)}
    return one.app.client.post("/signin/google/credential", json=body, headers=headers)


async def _bare_code(one: Large) -> Awaitable[Any]:
    headers = {**one.app.page_headers(), "Content-Type": "application/octet-stream"}
    return one.app.client.post("/storeauthcode", content=one.app.popup_code(), headers=headers)


async def _mobile(one: Large) -> Awaitable[Any]:
    body = {"userId": _WITHOUT_OWN_ID, "authCode": one.app.native_code(BOB, force_refresh_token=True)}
    headers = one.bearer(_WITHOUT_OWN_ID)
    return one.app.client.post("/app/google-calendar/tokens", json=body, headers=headers)


async def _security_event(one: Large) -> Awaitable[Any]:
    state = one.app.sandbox.state
    claims = {"subject": subject(state, one.app.sandbox.account(BOB).sub)}
    token = event_token(state, CLIENT_ID, "sessions-revoked", claims)
    headers = {"Content-Type": "application/secevent+jwt"}
    return one.app.client.post("/google/risc", content=token, headers=headers)


def _notification(number: int) -> Call:
    """A notification about the first (a calendar) or second channel (the list) of a loaded user."""

    async def call(one: Large) -> Awaitable[Any]:
        headers = {
            "X-Goog-Channel-ID": push_channel_id(USER, number),
            "X-Goog-Channel-Token": push_channel_token(USER, number),
            "X-Goog-Resource-State": "exists",
        }
        return one.app.client.post("/google/calendar/push", headers=headers)

    return call


async def _delete_grant(one: Large) -> Awaitable[Any]:
    body = {"code": one.app.native_code(BOB, force_refresh_token=True), "scopes": "calendar"}
    path = f"/v1/users/{USER + 13 * 10}/google/code"
    (await one.app.client.post(path, headers=one.key, json=body)).raise_for_status()
    headers = one.bearer(USER + 13 * 10)
    grants = (await one.app.client.get("/v1/grants", headers=headers)).json()["grants"]
    return one.app.client.delete(f"/v1/grants/{grants[-1]['id']}", headers=headers)


async def _preview(one: Large) -> Awaitable[Any]:
    body = {"token_sha256": hashlib.sha256(b"other").hexdigest(), "model": "mia"}
    code = (await one.app.client.post("/v1/pairings", json=body)).json()["code"]
    return one.app.client.post("/v1/pairings/preview", headers=one.bearer(), json={"code": code})


async def _claim(one: Large) -> Awaitable[Any]:
    body = {"token_sha256": hashlib.sha256(b"robot").hexdigest(), "model": "mia"}
    code = (await one.app.client.post("/v1/pairings", json=body)).json()["code"]
    return one.app.client.post("/v1/devices", headers=one.bearer(), json={"code": code})


async def _sample_day(one: Large) -> Awaitable[Any]:
    far = one.app.clock.now().date() + timedelta(days=300)
    body = {"day": far.isoformat(), "sample": "en"}
    return one.alice.send("POST", "/v1/announcements/preview", json=body)


async def _accept(one: Large) -> Awaitable[Any]:
    path = f"/v1/devices/{_INVITES}/invitations"
    code = (await one.app.client.post(path, headers=one.bearer(_INVITES))).json()["code"]
    return one.app.client.post("/v1/invitations/accept", headers=one.bearer(), json={"code": code})


async def _leave(one: Large) -> Awaitable[Any]:
    return one.app.client.delete(f"/v1/devices/{_INVITES}/members/{USER}", headers=one.bearer())


async def _operator(one: Large) -> Awaitable[Any]:
    cookie = {"Cookie": f"catflap_session={cookie_token(USER)}"}
    return one.app.client.get("/v1/operator/numbers", headers=cookie)


async def _acknowledge(one: Large) -> Awaitable[Any]:
    announcement = hashlib.md5(f"{USER}-1".encode()).hexdigest()
    body = {"announcement": announcement, "state": "played", "at": rfc3339(one.app.clock.now())}
    return one.app.client.post("/v1/device/acks", headers=one.device(), json=body)


def _react(action: str) -> Call:
    """What a user does about an announcement of today."""

    async def call(one: Large) -> Awaitable[Any]:
        announcement = hashlib.md5(f"{USER}-1".encode()).hexdigest()
        body = {"minutes": 5} if action == "snooze" else None
        path = f"/v1/announcements/{announcement}/{action}"
        return one.app.client.post(path, headers=one.bearer(), json=body)

    return call


async def _act(one: Large) -> Awaitable[Any]:
    await one.prepare("UPDATE app.announcements SET play_at = $1 WHERE id = $2", one.app.clock.now(), _LAST)
    return one.app.client.post("/v1/device/actions", headers=one.device(), json={"action": "acknowledge"})


async def _sound(one: Large) -> Awaitable[Any]:
    announcement, later = hashlib.md5(f"{USER}-1".encode()).hexdigest(), timedelta(hours=12)
    expires_at = one.app.clock.now() + later
    sounds = one.app.catflap.services.sounds
    return one.app.client.get(sounds.path(USER, announcement, expires_at, RENDERED_AUDIO, "0" * 64))


def _write_event(method: str, *, by_key: bool) -> Call:
    """Return a call that inserts, changes or deletes the event of its caller; to be made in this order."""

    async def call(one: Large) -> Awaitable[Any]:
        one.app.sandbox.add_account(WRITER)
        user = await writer(one.app, email=WRITER)
        event_id = "b" * 32 if by_key else "a" * 32
        body = {"POST": event(event_id), "PATCH": {"title": "Tea"}, "DELETE": None}[method]
        if by_key:
            user = replace(user, headers=one.key, calendars=f"/v1/users/{user.user_id}/calendars")
        return user.send(method, user.path("" if method == "POST" else event_id), body)

    return call


async def _mqtt_login(one: Large) -> Awaitable[Any]:
    await one.prepare("UPDATE app.devices SET channel = 'mqtt' WHERE user_id = $1", USER)
    return one.app.client.get("/v1/device/mqtt", headers=one.device())


async def _speaker(one: Large) -> Awaitable[Any]:
    body = {"rest_entity": None, "volume": 40}
    speakers = "UPDATE app.devices SET channel = 'home_assistant' WHERE entity = $1 RETURNING id"
    (row,) = await one.prepare(speakers, PLAYER)
    return one.app.client.put(f"/v1/speakers/{row['id']}", headers=one.bearer(), json=body)


async def _example(one: Large) -> Awaitable[Any]:
    """An example that was made before."""
    key = one.app.catflap.services.samples.sample(VoiceChoice("pirate")).sound_key
    values = "VALUES ($1, 'RIFF', '', 4, 1.0, $2)"
    await one.prepare(f"INSERT INTO app.sounds {values}", key, one.app.clock.now())
    return one.app.client.post("/v1/voices/sample", headers=one.bearer(), json={"dialect": "pirate"})


async def _page(one: Large) -> Awaitable[Any]:
    return one.alice.get("/")


ROUTES: dict[str, Call] = {name: _simple(name, request) for name, request in _REQUESTS.items()} | {
    "GET /v1/users/{user_id}/google/token (refresh)": _refresh,
    "GET /v1/device/mqtt": _mqtt_login,
    "PUT /v1/speakers/{device_id}": _speaker,
    "POST /v1/voices/sample": _example,
    "POST /v1/users/{user_id}/google/code": _code_of_user,
    "POST /v1/users/{user_id}/consents/{consent_id}/confirm": _confirm,
    "GET /consents/{secret}": _consent_link,
    "GET /v1/users/{user_id}/google/{host}/{path}": _proxy,
    "GET /signin/google/callback": _callback,
    "GET /signin/google/callback (new user)": _first_callback,
    "POST /signin/google/code": _native_code,
    "POST /signin/google/credential": _credential,
    "POST /signin/google/desktop": _desktop_code,
    "POST /signin/handover": _handover,
    "POST /storeauthcode": _bare_code,
    "POST /app/google-calendar/tokens": _mobile,
    "POST /google/risc": _security_event,
    "POST /google/calendar/push": _notification(1),
    "POST /google/calendar/push (again)": _notification(1),
    "POST /google/calendar/push (list)": _notification(2),
    "DELETE /v1/grants/{grant_id}": _delete_grant,
    "POST /v1/announcements/preview (sample)": _sample_day,
    "POST /v1/pairings/preview": _preview,
    "POST /v1/devices (code)": _claim,
    "POST /v1/invitations/accept": _accept,
    "DELETE /v1/devices/{device_id}/members/{user_id}": _leave,
    "POST /v1/device/acks": _acknowledge,
    "GET /v1/operator/numbers": _operator,
    "POST /v1/device/actions": _act,
    "POST /v1/announcements/{announcement_id}/acknowledge": _react("acknowledge"),
    "POST /v1/announcements/{announcement_id}/snooze": _react("snooze"),
    "POST /v1/announcements/{announcement_id}/repeat": _react("repeat"),
    "GET /v1/sounds/{name}": _sound,
    "GET / (signed in)": _page,
}
for _method, _path in {"POST": "", "PATCH": "/{event_id}", "DELETE": "/{event_id}"}.items():
    for _of_user in ("", "/users/{user_id}"):
        _name = f"{_method} /v1{_of_user}/calendars/{{calendar}}/events{_path}"
        ROUTES[_name] = _write_event(_method, by_key=bool(_of_user))
