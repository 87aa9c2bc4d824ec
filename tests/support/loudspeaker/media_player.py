"""A media player whose attributes show what it fetched; Home Assistant imports this, and no test does."""

import hashlib
from typing import Any

from homeassistant.components.media_player import (
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.helpers.aiohttp_client import async_get_clientsession


async def async_setup_platform(hass: Any, config: Any, add: Any, discovery_info: Any = None) -> None:
    """Add the player, as Home Assistant calls it."""
    add([Loudspeaker()])


class Loudspeaker(MediaPlayerEntity):
    """A player of announcements."""

    _attr_name = "Kitchen"
    _attr_unique_id = "kitchen"
    _attr_state = MediaPlayerState.IDLE
    _attr_volume_level = 0.25
    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.MEDIA_ANNOUNCE
        | MediaPlayerEntityFeature.VOLUME_SET
    )

    def __init__(self) -> None:
        self._played: list[dict[str, Any]] = []
        self._volumes: list[float] = []

    @property
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what was played, and the volumes that were set."""
        return {"played": list(self._played), "volumes": list(self._volumes)}

    async def async_set_volume_level(self, volume: float) -> None:
        """Set the volume."""
        self._attr_volume_level = volume
        self._volumes.append(volume)

    async def async_play_media(
        self, media_type: str, media_id: str, announce: bool | None = None, **more: Any
    ) -> None:
        """Fetch a sound; an error is one of the service, as of a real speaker."""
        async with async_get_clientsession(self.hass).get(media_id) as response:
            response.raise_for_status()
            content = await response.read()
        sha256 = hashlib.sha256(content).hexdigest()
        kind = {"media_type": media_type, "announce": announce, "content_type": response.content_type}
        self._played.append({**kind, "bytes": len(content), "sha256": sha256})
