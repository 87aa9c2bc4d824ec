"""Routes of the fake API for devices as their owner sees them: pairing, plays, members, speakers."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Response

from catflap.clock import rfc3339
from catflap.errors import BadRequest
from catflap.web.problems import problem_of
from catflap.web.schemas.base import json_response
from catflap.web.schemas.device_members import (
    AcceptBody,
    InvitationResource,
    MemberChange,
    MemberList,
    MemberResource,
)
from catflap.web.schemas.devices import DeviceBody, DeviceChange, DeviceList, DeviceResource
from catflap.web.schemas.pairings import PreviewBody, WaitingDeviceResource
from catflap.web.schemas.plays import DevicePlays, RecentPlays
from catflap.web.schemas.speakers import SpeakerBody, SpeakerDeviceResource, SpeakerList, SpeakerOptions
from tests.support.fake_state import FakeApi

INVITATION = "invitation-of-a-day-0123456789"


def add_devices(app: FastAPI, catflap: FakeApi) -> None:
    """Add the routes of devices."""

    def device(id: int, token: str | None = None, **more: Any) -> DeviceResource:
        return DeviceResource.model_validate(
            {
                "id": id,
                "name": "Browser",
                "model": "browser",
                "is_owner": True,
                "channel": "https",
                "room": "",
                "quiet_hours": None,
                "volume": catflap.volume,
                "muted_until": catflap.muted_until,
                "audio": {"format": "wav", "rate": 16000},
                "last_seen_at": None,
                "online": True,
                "token": token,
                **more,
            }
        )

    def paired(id: int) -> dict[str, Any] | None:
        return next((one for one in catflap.paired if one["id"] == id), None)

    @app.get("/v1/devices")
    async def list_devices() -> DeviceList:
        others = [device(**one) for one in catflap.paired]
        return DeviceList(devices=[device(id) for id in catflap.devices.values()] + others)

    @app.get("/v1/plays")
    async def plays() -> RecentPlays:
        found = [{"device": id, "plays": told} for id, told in catflap.plays.items()]
        return RecentPlays(devices=[DevicePlays.model_validate(one) for one in found])

    @app.post("/v1/pairings/preview")
    async def preview(body: PreviewBody) -> Response:
        if body.code not in catflap.codes:
            return problem_of(BadRequest("not_found", "No device shows this code."))
        waiting = {"channel": "https", "expires_at": catflap.now(), **catflap.codes[body.code]}
        return json_response(WaitingDeviceResource.model_validate(waiting))

    @app.post("/v1/devices", status_code=201)
    async def devices(body: DeviceBody) -> DeviceResource:
        id = len(catflap.devices) + len(catflap.paired) + 1
        if body.code is not None:
            del catflap.codes[body.code]
            catflap.paired.append({"id": id, "name": body.name or "Mia", "room": body.room})
            await catflap.noticed()
            return device(**catflap.paired[-1])
        catflap.devices[f"token-{id}"] = id
        return device(id, f"token-{id}")

    @app.patch("/v1/devices/{id}")
    async def adjust(id: int, body: DeviceChange) -> DeviceResource:
        if known := paired(id):
            known |= body.model_dump(mode="json", exclude_unset=True)
            if known.get("quiet_hours"):
                known["quiet_hours"]["zone"] = "UTC"
            await catflap.noticed()
            return device(**known)
        if body.volume is not None:
            catflap.volume = body.volume
        if "muted_until" in body.model_fields_set:
            catflap.muted_until = rfc3339(body.muted_until) if body.muted_until else None
        await catflap.tell()
        return device(id)

    @app.delete("/v1/devices/{id}")
    async def unpair(id: int) -> Response:
        catflap.devices = {token: one for token, one in catflap.devices.items() if one != id}
        catflap.paired = [one for one in catflap.paired if one["id"] != id]
        await catflap.noticed()
        return Response(status_code=204)

    _add_members(app, catflap)
    _add_speakers(app, catflap)


def _add_members(app: FastAPI, catflap: FakeApi) -> None:
    def member(**more: Any) -> MemberResource:
        assert catflap.viewer is not None
        mine = {"user_id": catflap.viewer.user_id, "name": "Calico Cat", "is_owner": True}
        said = {"says_name": False, "says_titles": True, "joined_at": catflap.now()}
        return MemberResource.model_validate({**mine, **said, **more})

    @app.get("/v1/devices/{id}/members")
    async def members(id: int) -> MemberList:
        return MemberList(members=[member(**one) for one in catflap.members.setdefault(id, [{}])])

    @app.patch("/v1/devices/{id}/members/me")
    async def choose(id: int, body: MemberChange) -> MemberResource:
        catflap.members[id][0] |= body.model_dump(exclude_unset=True)
        await catflap.noticed()
        return member(**catflap.members[id][0])

    @app.delete("/v1/devices/{id}/members/{user_id}")
    async def remove(id: int, user_id: int) -> Response:
        assert catflap.viewer is not None
        catflap.members[id] = [one for one in catflap.members[id] if one.get("user_id") != user_id]
        if user_id == catflap.viewer.user_id:
            catflap.paired = [one for one in catflap.paired if one["id"] != id]
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/devices/{id}/invitations", status_code=201)
    async def invite(id: int) -> InvitationResource:
        return InvitationResource(code=INVITATION, expires_at=catflap.now() + timedelta(days=1))

    @app.delete("/v1/devices/{id}/invitations")
    async def withdraw(id: int) -> Response:
        return Response(status_code=204)

    @app.post("/v1/invitations/accept")
    async def accept(body: AcceptBody) -> Response:
        if body.code != INVITATION:
            return problem_of(BadRequest("not_found", "This invitation is used or over."))
        catflap.members[80] = [{"is_owner": False, **body.model_dump(exclude={"code"})}]
        catflap.paired.append({"id": 80, "name": "Bob's", "is_owner": False})
        await catflap.noticed()
        return Response(status_code=201, content="{}", media_type="application/json")


def _add_speakers(app: FastAPI, catflap: FakeApi) -> None:
    def of(speaker: dict[str, Any]) -> SpeakerDeviceResource:
        return SpeakerDeviceResource.model_validate(speaker, extra="ignore")

    @app.get("/v1/speakers")
    async def speakers() -> Response:
        if catflap.speakers is None:
            return problem_of(BadRequest("home_assistant_off", "This Catflap has no Home Assistant."))
        return json_response(SpeakerList.model_validate({"speakers": catflap.speakers}))

    @app.post("/v1/speakers", status_code=201)
    async def add_speaker(body: SpeakerBody) -> SpeakerDeviceResource:
        speaker = next(one for one in catflap.speakers or [] if one["entity"] == body.entity)
        speaker["device"] = 90
        made = {"id": 90, "name": speaker["name"], "room": speaker["room"], "model": "Home Assistant"}
        catflap.paired.append({**made, "channel": "home_assistant"})
        await catflap.noticed()
        return of(speaker)

    @app.put("/v1/speakers/{id}")
    async def change_speaker(id: int, body: SpeakerOptions) -> SpeakerDeviceResource:
        speaker = next(one for one in catflap.speakers or [] if one["device"] == id)
        speaker |= body.model_dump()
        await catflap.noticed()
        return of(speaker)
