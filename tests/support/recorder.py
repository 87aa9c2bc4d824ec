"""An output of a machine's loudspeaker that remembers what it played."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from catflap.player.pcm import Pcm


@dataclass
class Recorder:
    """An output that remembers what it played, and when the first sample was due by the system's clock."""

    name: str = "a list"
    played: list[tuple[Pcm, datetime]] = field(default_factory=list)
    works: bool = True
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, sound: Pcm, start_at: float) -> bool:
        due = datetime.now(UTC) + timedelta(seconds=start_at - time.monotonic())
        self.played.append((sound, due))
        self.heard.set()
        return self.works
