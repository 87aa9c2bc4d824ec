"""Speakers of Home Assistant as devices of users: which there are, and adding one."""

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.devices.channels.home_assistant import SATELLITE, SPEAKER_DOMAINS
from catflap.devices.channels.home_assistant_api import EntityState, HomeAssistantApi
from catflap.devices.devices import Devices
from catflap.errors import BadRequest, OperatorMustAct
from catflap.log import log
from catflap.store.notify import announce_change
from catflap.store.tables import devices as t
from catflap.store.task_types import schedule_topic
from catflap.store.text import sanitize_text
from catflap.store.token_hash import hash_token

# Bits of `supported_features` (MediaPlayerEntityFeature).
_PLAY_MEDIA, _MEDIA_ANNOUNCE = 512, 1 << 20
_MODEL = "Home Assistant"
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Speaker:
    """A speaker that Home Assistant offers.

    Attributes:
        entity: Its id.
        name: Its name to show.
        room: Its area, "" where that is not known.
        resumes: Whether music goes on after an announcement; else that ends it.
        available: Whether Home Assistant reaches it.
        device: The id of the user's device that it is; None for none.
        at_rest: Whether nothing is said there now, by the device's `rest_entity`.
        rest_entity: That of the device, if it is one.
        volume: What the device sets while it speaks; None for the speaker's own.
    """

    entity: str
    name: str
    room: str
    resumes: bool
    available: bool
    device: int | None
    at_rest: bool
    rest_entity: str | None
    volume: int | None


@dataclass(frozen=True)
class SpeakerDevice:
    """A device that is a speaker of Home Assistant; see `DueDevice` for its fields."""

    id: int
    name: str
    room: str
    entity: str
    rest_entity: str | None
    volume: int
    sets_volume: bool

    @property
    def volume_set(self) -> int | None:
        """What the speaker's volume is set to while it speaks; None for its own."""
        return self.volume if self.sets_volume else None


class Speakers:
    """Service of speakers.

    Args:
        engine: The database.
        clock: The current time.
        devices: Adds devices.
        api: Home Assistant; None where the settings name none.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock, devices: Devices, api: HomeAssistantApi | None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._devices = devices
        self._home_assistant = api
        # An attempt counts there as one to log in.
        self._knows_rooms = True

    @property
    def _api(self) -> HomeAssistantApi:
        if self._home_assistant is None:
            raise BadRequest("home_assistant_off", "This Catflap has no Home Assistant.")
        return self._home_assistant

    async def offered(self, user_id: int) -> list[Speaker]:
        """Return the speakers that there are, by name.

        Raises:
            BadRequest: `home_assistant_off`.
            CatflapError: as `HomeAssistantApi`.
        """
        states, mine = await asyncio.gather(self._api.states(), self._of_user(user_id))
        found = [one for one in states if _is_speaker(one)]
        rooms = await self._rooms([one.entity for one in found])
        resting = {one.entity for one in states if one.state == "on"}
        speakers = [
            _speaker(one, room, mine.get(one.entity), resting) for one, room in zip(found, rooms, strict=True)
        ]
        return sorted(speakers, key=lambda one: (one.name, one.entity))

    async def add(
        self,
        user_id: int,
        entity: str,
        *,
        name: str | None = None,
        room: str | None = None,
        rest_entity: str | None = None,
        volume: int | None = None,
    ) -> SpeakerDevice:
        """Make a speaker a device of the user.

        Args:
            user_id: The user.
            entity: The speaker.
            name: The device's; by default the speaker's.
            room: The device's; by default the speaker's area.
            rest_entity: An entity that is on while nothing is to be said.
            volume: What the speaker gets while it speaks, 0 to 100; None for its own.

        Raises:
            BadRequest: `home_assistant_off`; `speaker_unknown`; `speaker_exists`; `too_many`.
            CatflapError: as `HomeAssistantApi`.
        """
        state = await self._existing(entity)
        if not _is_speaker(state):
            raise BadRequest("speaker_unknown", "This entity of Home Assistant can't play sounds.")
        if rest_entity is not None:
            await self._existing(rest_entity)
        if room is None:
            room = _name((await self._rooms([entity]))[0])
        options: dict[str, object] = {"entity": entity, "rest_entity": rest_entity, "room": room}
        options["sets_volume"] = volume is not None
        if state.state != "unavailable":
            options["last_seen_at"] = self._clock.now()
        if volume is not None:
            options["volume"] = volume
        async with self._engine.begin() as connection:
            # Nobody knows its token: it never asks for its schedule.
            made = await self._devices.add(
                connection,
                user_id,
                name=name or _name(state.name) or _name(entity),
                model=_MODEL,
                token_hash=hash_token(secrets.token_urlsafe(32)),
                channel="home_assistant",
            )
            same = select(t.c.id).where(t.c.user_id == user_id, t.c.entity == entity)
            if (await connection.execute(same)).first() is not None:
                raise BadRequest("speaker_exists", "This speaker is a device of yours already.")
            changed = update(t).where(t.c.id == made.id).values(options).returning(t)
            return _device((await connection.execute(changed)).one())

    async def change(
        self, user_id: int, device_id: int, *, rest_entity: str | None, volume: int | None
    ) -> SpeakerDevice:
        """Replace what `add` takes by the same names.

        Raises:
            BadRequest: `home_assistant_off`; `not_found`; `speaker_unknown` for no such rest entity.
            CatflapError: as `HomeAssistantApi`.
        """
        if rest_entity is not None:
            await self._existing(rest_entity)
        options: dict[str, object] = {"rest_entity": rest_entity, "sets_volume": volume is not None}
        if volume is not None:
            options["volume"] = volume
        mine = t.c.id == device_id, t.c.user_id == user_id, t.c.channel == "home_assistant"
        changed = update(t).where(*mine).values(schedule_version=t.c.schedule_version + 1, **options)
        async with self._engine.begin() as connection:
            row = (await connection.execute(changed.returning(t))).first()
            if row is None:
                raise BadRequest("not_found", "You have no such speaker.")
            await announce_change(connection, schedule_topic(device_id))
        return _device(row)

    async def _existing(self, entity: str) -> EntityState:
        state = await self._api.state(entity)
        if state is None:
            raise BadRequest("speaker_unknown", f"Home Assistant has no entity {entity}.")
        return state

    async def _of_user(self, user_id: int) -> dict[str, SpeakerDevice]:
        query = select(t).where(t.c.user_id == user_id, t.c.channel == "home_assistant")
        async with self._engine.connect() as connection:
            return {row.entity: _device(row) for row in await connection.execute(query)}

    async def _rooms(self, entities: Sequence[str]) -> list[str]:
        """Return the areas of entities; "" for all where the token may not ask."""
        if self._knows_rooms and entities:
            try:
                return await self._api.rooms(entities)
            except OperatorMustAct as error:
                self._knows_rooms = False
                log.info("speaker_rooms_unknown", code=error.code, hint=_ROOMS_UNKNOWN)
        return [""] * len(entities)


_ROOMS_UNKNOWN = (
    "Home Assistant tells areas to tokens of administrators only; users name the rooms of their speakers."
)


def _speaker(
    state: EntityState, room: str, device: SpeakerDevice | None, resting: Collection[str]
) -> Speaker:
    return Speaker(
        entity=state.entity,
        name=_name(state.name) or _name(state.entity),
        room=_name(room),
        resumes=_kind(state) == SATELLITE or bool(_features(state) & _MEDIA_ANNOUNCE),
        available=state.state != "unavailable",
        device=device.id if device else None,
        at_rest=device is not None and device.rest_entity in resting,
        rest_entity=device.rest_entity if device else None,
        volume=device.volume_set if device else None,
    )


def _device(row: Row[tuple[object, ...]]) -> SpeakerDevice:
    return SpeakerDevice(row.id, row.name, row.room, row.entity, row.rest_entity, row.volume, row.sets_volume)


def _kind(state: EntityState) -> str:
    return state.entity.partition(".")[0]


def _is_speaker(state: EntityState) -> bool:
    if _kind(state) not in SPEAKER_DOMAINS:
        return False
    # One that is unavailable tells no features.
    return _kind(state) == SATELLITE or state.state == "unavailable" or bool(_features(state) & _PLAY_MEDIA)


def _features(state: EntityState) -> int:
    features = state.attributes.get("supported_features")
    return features if isinstance(features, int) else 0


def _name(text: str) -> str:
    return sanitize_text(text, _LONGEST_NAME).strip()
