"""Routes of the fake API for what a user chooses and how they answer an announcement."""

from datetime import timedelta

from fastapi import FastAPI, Response

from catflap.announcements.preferences import Preferences
from catflap.announcements.reading_store import checked_entry
from catflap.clock import rfc3339
from catflap.devices.mute import ALWAYS
from catflap.errors import BadRequest
from catflap.web.problems import problem_of
from catflap.web.schemas.base import json_response
from catflap.web.schemas.calendars import AnnouncementList, AnnouncementResource
from catflap.web.schemas.mute import MuteBody, MuteResource
from catflap.web.schemas.preferences import BrowserZone, PreferencesBody, PreferencesResource
from catflap.web.schemas.reactions import SnoozeBody, SnoozeResource
from catflap.web.schemas.readings import ReadingChanges, ReadingDictionary
from catflap.web.schemas.saying import SayBody
from tests.support.fake_state import UNTOLD, FakeApi


def add_choices(app: FastAPI, catflap: FakeApi) -> None:
    """Add the routes of reactions, the mute, preferences and readings."""

    @app.post("/v1/announcements/{id}/acknowledge")
    async def acknowledge(id: str) -> Response:
        catflap.reactions.append(("acknowledge", id, None))
        await catflap.noticed()
        return Response(status_code=204)

    @app.post("/v1/announcements/{id}/snooze")
    async def snooze(id: str, body: SnoozeBody) -> SnoozeResource:
        catflap.reactions.append(("snooze", id, body.minutes))
        await catflap.noticed()
        return SnoozeResource(play_at=catflap.now() + timedelta(minutes=body.minutes))

    @app.post("/v1/announcements/{id}/repeat")
    async def repeat(id: str) -> AnnouncementResource:
        catflap.reactions.append(("repeat", id, None))
        said = next(one for one in catflap.announcements if one["id"] == id)
        again = catflap.say(f"{id} again", catflap.now(), said["text"])
        again["kind"] = "repeat"
        await catflap.tell()
        return AnnouncementResource.model_validate({**again, **UNTOLD, "state": "planned"})

    @app.put("/v1/mute")
    async def mute(body: MuteBody) -> MuteResource:
        catflap.mutes.append(body.lasts)
        until = ALWAYS if body.lasts == "always" else catflap.now() + timedelta(hours=1)
        catflap.muted_until = rfc3339(until)
        await catflap.tell()
        return MuteResource.of(until)

    @app.delete("/v1/mute")
    async def unmute() -> Response:
        catflap.mutes.append(None)
        catflap.muted_until = None
        await catflap.tell()
        return Response(status_code=204)

    @app.get("/v1/preferences")
    async def preferences() -> PreferencesResource:
        return PreferencesResource.model_validate(catflap.preferences)

    @app.put("/v1/preferences")
    async def set_preferences(body: PreferencesBody) -> PreferencesResource:
        before = PreferencesBody.model_validate(catflap.preferences).applied_to(Preferences())
        chosen = body.applied_to(before)
        followed = catflap.preferences["zone"], catflap.preferences["zone_source"]
        if followed[1] == "user":
            followed = (catflap.google_zone, "google") if catflap.google_zone else ("UTC", "default")
        catflap.preferences = PreferencesResource.of(chosen).model_dump()
        if chosen.zone_source != "user":
            catflap.preferences |= {"zone": followed[0], "zone_source": followed[1]}
        await catflap.noticed()
        return await preferences()

    @app.put("/v1/preferences/browser-zone")
    async def set_browser_zone(body: BrowserZone) -> PreferencesResource:
        if catflap.preferences["zone_source"] in ("default", "browser"):
            catflap.preferences |= {"zone": body.zone, "zone_source": "browser"}
        await catflap.noticed()
        return await preferences()

    @app.get("/v1/readings")
    async def readings() -> ReadingDictionary:
        return ReadingDictionary.of(dict(sorted(catflap.readings.items())))

    @app.patch("/v1/readings")
    async def change_readings(body: ReadingChanges) -> Response:
        for one in body.readings:
            if one.reading is None:
                catflap.readings.pop(one.word, None)
                continue
            try:
                word, reading = checked_entry(one.word, one.reading)
            except BadRequest as error:
                return problem_of(error)
            catflap.readings[word] = reading
        await catflap.noticed()
        return json_response(await readings())

    @app.post("/v1/say", status_code=201)
    async def say(body: SayBody) -> AnnouncementList:
        catflap.said.append((body.text, body.device))
        await catflap.noticed()
        return AnnouncementList(announcements=[])
