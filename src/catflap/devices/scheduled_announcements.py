"""Announcements as schedule documents and `play` messages have them, with a signed URL of their sound."""

from functools import lru_cache
from typing import Any

from catflap.clock import rfc3339
from catflap.devices.signed_urls import SignedSoundUrls
from catflap.speech import RENDERED_AUDIO, AudioFormat
from catflap.store.row_mapping import Columns

# Many announcements of many devices are due at the same time.
_rfc3339 = lru_cache(maxsize=4096)(rfc3339)


class ScheduledAnnouncements:
    """Builds the members of schedule documents.

    Args:
        sound_urls: Signs the paths of sounds.
        origin: What precedes those paths: scheme, host, and the prefix of the routes.
    """

    def __init__(self, sound_urls: SignedSoundUrls, origin: str) -> None:
        self._sound_urls = sound_urls
        self._origin = origin

    def resource(self, row: Columns) -> dict[str, Any]:
        """Return an announcement.

        Args:
            row: Its columns, with `sha256`, `bytes` and `seconds` of its sound, which are None while there
                is none, and `audio`, the format in which it was encoded, or None as it was rendered.
        """
        return {
            "id": row["id"],
            "play_at": _rfc3339(row["play_at"]),
            "expires_at": _rfc3339(row["expires_at"]),
            "kind": row["kind"],
            "text": row["display"],
            "audio": self._sound(row) if row["sha256"] is not None else None,
        }

    def _sound(self, row: Columns) -> dict[str, Any]:
        audio = AudioFormat.parse(row["audio"]) if row["audio"] else RENDERED_AUDIO
        path = self._sound_urls.path(row["device_id"], row["id"], row["expires_at"], audio, row["sha256"])
        return {
            "url": self._origin + path,
            "type": audio.media_type,
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            "seconds": row["seconds"],
        }
