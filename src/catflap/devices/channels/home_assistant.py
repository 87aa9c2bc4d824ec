"""Play announcements on the speakers of Home Assistant: Sonos, Cast, AirPlay, voice satellites.

A speaker keeps no time and fetches the sound itself, from its signed URL. That Home Assistant accepted an
announcement is all that is known of it; for a satellite, that it was played to its end.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from catflap.clock import Clock
from catflap.devices.channels.due_store import LATE, DueDevice
from catflap.devices.channels.home_assistant_api import EntityState, HomeAssistantApi, NoAnswer
from catflap.devices.devices import Channel
from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.log import log

SATELLITE = "assist_satellite"
SPEAKER_DOMAINS = ("media_player", SATELLITE)
AT_REST = "at_rest"
# A satellite plays its chime first, and answers when all is over; others fetch the sound before they answer.
_ANSWER = timedelta(seconds=20)
# Between a speaker's answer and its first sample, and after its last.
_MARGIN = timedelta(seconds=2)
# In the last moments of an announcement nobody would try it again.
_LAST_ATTEMPT = LATE - timedelta(seconds=3)


class RecordAck(Protocol):
    """Records what became of an announcement."""

    def __call__(
        self, device_id: int, announcement_id: str, state: str, at: datetime, detail: str | None = None
    ) -> Awaitable[None]:
        """Record it."""
        ...


@dataclass
class _Speaker:
    """What is going on with an entity: until when it speaks, and the volume that it is set back to."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    busy_until: datetime | None = None
    volume: float | None = None
    restoring: asyncio.Task[None] | None = None


class HomeAssistantSpeakers:
    """Sender of the channel `home_assistant`.

    Args:
        api: Home Assistant.
        clock: The current time.
        record: Records acknowledgements.
    """

    channel: Channel = "home_assistant"

    def __init__(self, api: HomeAssistantApi, clock: Clock, record: RecordAck) -> None:
        self._api = api
        self._clock = clock
        self._record = record
        self._speakers: dict[str, _Speaker] = defaultdict(_Speaker)

    async def run(self) -> None:
        """Run until cancelled, which leaves volumes as they are then."""
        try:
            await asyncio.Event().wait()
        finally:
            restoring = [one.restoring for one in self._speakers.values() if one.restoring is not None]
            for task in restoring:
                task.cancel()
            await asyncio.gather(*restoring, return_exceptions=True)

    async def send(self, device: DueDevice, announcement: Mapping[str, Any]) -> None:
        """Have a speaker play an announcement, unless whose it is rests; record what became of it.

        Raises:
            TryAgain: `home_assistant_unavailable`, `speaker_unavailable`: it was certainly not played.
            CatflapError: it can't be played: `speaker_gone`, and those of `HomeAssistantApi`.
        """
        assert device.entity is not None
        try:
            async with self._speakers[device.entity].turn:
                await self._play_in_turn(device, device.entity, announcement)
        except NoAnswer as error:
            # It may be playing; nothing is said twice.
            await self._failed(device, announcement, error)
        except TryAgain as error:
            if self._clock.now() < datetime.fromisoformat(announcement["play_at"]) + _LAST_ATTEMPT:
                raise
            await self._failed(device, announcement, error)

    async def _play_in_turn(self, device: DueDevice, entity: str, announcement: Mapping[str, Any]) -> None:
        """Play it after what the speaker says for another device or user."""
        speaker = self._speakers[entity]
        if speaker.busy_until is not None:
            await self._clock.sleep_until(speaker.busy_until)
        rests, state = await asyncio.gather(self._is_at_rest(device), self._state(entity))
        if rests:
            await self._acknowledge(device, announcement, "held", AT_REST)
        elif self._clock.now() >= datetime.fromisoformat(announcement["expires_at"]):
            await self._acknowledge(device, announcement, "missed", "busy")
        else:
            await self._play(device, speaker, state, announcement)

    async def _is_at_rest(self, device: DueDevice) -> bool:
        """Return whether the entity that says so is on; one that is gone or unknown keeps nobody silent."""
        if device.rest_entity is None:
            return False
        try:
            state = await self._api.state(device.rest_entity)
        except NoAnswer as error:
            # Nothing was asked to be carried out.
            raise TryAgain(error.code, error.message, detail=error.detail) from None
        if state is None or state.state not in ("on", "off"):
            log.warning("rest_entity_unknown", device=device.id, state=None if state is None else state.state)
        return state is not None and state.state == "on"

    async def _state(self, entity: str) -> EntityState:
        try:
            state = await self._api.state(entity)
            if state is None:
                # Before it has started, no entity is there.
                await self._api.check_running()
        except NoAnswer as error:
            raise TryAgain(error.code, error.message, detail=error.detail) from None
        if state is None:
            raise BadRequest("speaker_gone", "Home Assistant has this speaker no more.")
        if state.state == "unavailable":
            raise TryAgain("speaker_unavailable", "Home Assistant can't reach the speaker.")
        return state

    async def _play(
        self, device: DueDevice, speaker: _Speaker, state: EntityState, announcement: Mapping[str, Any]
    ) -> None:
        sound = announcement["audio"]
        domain = state.entity.partition(".")[0]
        lasts = timedelta(seconds=sound["seconds"])
        if device.sets_volume and state.volume is not None:
            await self._set_volume(speaker, state, device.volume / 100)
        try:
            if domain == SATELLITE:
                data = {"entity_id": state.entity, "media_id": sound["url"], "preannounce": True}
                await self._api.call(domain, "announce", data, (lasts + _ANSWER).total_seconds())
                speaker.busy_until = None
            else:
                data = {
                    "entity_id": state.entity,
                    "media_content_id": sound["url"],
                    "media_content_type": "music",
                    "announce": True,
                }
                await self._api.call(domain, "play_media", data, (lasts + _ANSWER).total_seconds())
                speaker.busy_until = self._clock.now() + lasts + _MARGIN
        finally:
            self._restore_volume(speaker, state.entity, lasts + _MARGIN)
        await self._acknowledge(device, announcement, "played", None)

    async def _set_volume(self, speaker: _Speaker, state: EntityState, level: float) -> None:
        """Set the volume; one that it can't set is no reason to be silent."""
        if speaker.restoring is not None:
            # What was before it counts.
            speaker.restoring.cancel()
            speaker.restoring = None
        else:
            speaker.volume = state.volume
        try:
            await self._call_volume(state.entity, level)
        except CatflapError as error:
            log.warning("speaker_volume_not_set", code=error.code, detail=error.detail)

    def _restore_volume(self, speaker: _Speaker, entity: str, after: timedelta) -> None:
        if speaker.volume is not None and speaker.restoring is None:
            at = self._clock.now() + after
            speaker.restoring = asyncio.create_task(self._restore_at(speaker, entity, at))

    async def _restore_at(self, speaker: _Speaker, entity: str, at: datetime) -> None:
        await self._clock.sleep_until(at)
        try:
            if speaker.volume is not None:
                await self._call_volume(entity, speaker.volume)
        except CatflapError as error:
            log.warning("speaker_volume_not_restored", code=error.code, detail=error.detail)
        speaker.volume = speaker.restoring = None

    async def _call_volume(self, entity: str, level: float) -> None:
        await self._api.call("media_player", "volume_set", {"entity_id": entity, "volume_level": level})

    async def _failed(self, device: DueDevice, announcement: Mapping[str, Any], error: CatflapError) -> None:
        log.warning("play_failed", device=device.id, code=error.code, detail=error.detail)
        await self._acknowledge(device, announcement, "failed", error.code)

    async def _acknowledge(
        self, device: DueDevice, announcement: Mapping[str, Any], state: str, detail: str | None
    ) -> None:
        await self._record(device.id, announcement["id"], state, self._clock.now(), detail)
