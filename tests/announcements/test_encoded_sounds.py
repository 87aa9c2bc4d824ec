"""A device that wants another format than WAV has its sounds in it, encoded once and ahead."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements import rendering, repository
from catflap.announcements.planned import PlannedAnnouncement, Wording
from catflap.announcements.rendering import Renderer
from catflap.announcements.repository import lock_plan
from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.devices.schedule import Schedules
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.devices.signed_urls import PATH, SignedSoundUrls, signing_key
from catflap.speech import Sound, Speech, SpeechFailed, VoiceChoice, installed_voices, say_text
from catflap.store.tables import announcements, devices, encoded_sounds, sounds
from tests.announcements.conftest import add_device
from tests.support.planned_announcements import replan_everywhere
from tests.support.tone import tone_wav

WAV = tone_wav()


@dataclass
class Voice:
    wav: bytes = WAV
    is_substitute: bool = False
    said: list[str] = field(default_factory=list)

    async def synthesise(self, spoken: str, voice: VoiceChoice) -> Sound:
        self.said.append(spoken)
        return Sound(self.wav, hashlib.sha256(self.wav).hexdigest(), 1.0, self.is_substitute)


class Harness:
    """Devices of one user that all wait for the same sound."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, user_id: int, key: bytes) -> None:
        self.engine, self.clock, self.user_id = engine, clock, user_id
        self.voice = Voice()
        self.renderer = Renderer(engine, clock, cast(Speech, self.voice))
        self.urls = SignedSoundUrls(engine, clock, key)
        self.schedules = Schedules(engine, clock, ScheduledAnnouncements(self.urls, ""))
        self.devices = Devices(engine, clock)

    async def add(self, audio: str) -> int:
        device_id = await add_device(self.engine, self.user_id, self.clock, audio.encode())
        row = {
            "id": f"a{device_id}",
            "user_id": self.user_id,
            "device_id": device_id,
            "key": "key",
            "kind": "before",
            "state": "planned",
            "play_at": self.clock.now() + timedelta(minutes=1),
            "expires_at": self.clock.now() + timedelta(minutes=10),
            "titles": [],
            "event_start": "",
            "dialect": "plain",
            "display": "",
            "spoken": "Tea.",
            "sound_key": "k",
            "updated_at": self.clock.now(),
        }
        async with self.engine.begin() as connection:
            await connection.execute(update(devices).where(devices.c.id == device_id).values(audio=audio))
            await connection.execute(insert(announcements).values(row))
        return device_id

    async def document(self, device_id: int) -> dict[str, Any]:
        found = await self.schedules.document(device_id)
        assert found is not None
        return found

    async def audio(self, device_id: int) -> dict[str, Any] | None:
        (one,) = (await self.document(device_id))["announcements"]
        return cast("dict[str, Any] | None", one["audio"])

    async def content(self, audio: dict[str, Any]) -> bytes:
        """Fetch it, as the schedule describes it."""
        found = await self.urls.open(audio["url"].removeprefix(PATH))
        assert found.audio.media_type == audio["type"]
        assert found.sha256 == audio["sha256"] == hashlib.sha256(found.content).hexdigest()
        assert len(found.content) == audio["bytes"]
        return found.content

    async def encoded(self) -> set[tuple[str, str]]:
        query = select(encoded_sounds.c.key, encoded_sounds.c.audio)
        async with self.engine.connect() as connection:
            return {(row.key, row.audio) for row in await connection.execute(query)}

    async def renders(self) -> list[str]:
        query = text("SELECT payload FROM queue.pgqueuer WHERE entrypoint = 'render' ORDER BY id")
        async with self.engine.connect() as connection:
            return [bytes(row.payload).decode() for row in await connection.execute(query)]


@pytest.fixture
async def harness(engine: AsyncEngine, clock: FixedClock, user_id: int) -> Harness:
    return Harness(engine, clock, user_id, await signing_key(engine, "sounds"))


async def test_each_device_has_the_sound_in_its_own_format(harness: Harness) -> None:
    ids = {
        audio: await harness.add(audio) for audio in ("wav-16000", "mp3-24000", "opus-16000", "flac-48000")
    }
    assert [await harness.audio(device_id) for device_id in ids.values()] == [None] * 4
    await harness.renderer.render("k")
    found = {audio: await harness.audio(device_id) for audio, device_id in ids.items()}
    assert [one and one["type"] for one in found.values()] == [
        "audio/wav",
        "audio/mpeg",
        "audio/ogg",
        "audio/flac",
    ]
    contents = [await harness.content(one) for one in found.values() if one]
    assert contents[0] == WAV
    assert [content[:4] for content in contents[2:]] == [b"OggS", b"fLaC"]
    assert [one and one["url"].rpartition(".")[2] for one in found.values()] == ["wav", "mp3", "opus", "flac"]


async def test_a_sound_is_synthesised_and_encoded_once_for_all_devices(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []

    async def counting(wav: bytes, audio: object) -> bytes:
        encoded.append(str(audio))
        return b"sound"

    monkeypatch.setattr(rendering, "encode", counting)
    await harness.add("mp3-16000")
    await harness.renderer.render("k")
    await harness.renderer.render("k")
    async with harness.engine.begin() as connection:
        await connection.execute(update(devices).values(token_hash=b"other"))
    await harness.add("mp3-16000")
    await harness.renderer.render("k")
    assert (harness.voice.said, encoded) == (["Tea."], ["mp3-16000"])


async def test_a_changed_format_is_encoded_and_announced(harness: Harness) -> None:
    device_id = await harness.add("wav-16000")
    await harness.renderer.render("k")
    changed = await harness.devices.update(harness.user_id, device_id, audio="opus-24000")
    assert changed.audio == "opus-24000"
    assert await harness.renders() == ["k"]
    # Until it is encoded there is the WAV, and the document says that it is one.
    audio = await harness.audio(device_id)
    assert audio and (audio["type"], await harness.content(audio)) == ("audio/wav", WAV)
    before = (await harness.document(device_id))["version"]
    await harness.renderer.render("k")
    audio = await harness.audio(device_id)
    assert audio and audio["type"] == "audio/ogg"
    assert (await harness.document(device_id))["version"] == before + 1
    assert await harness.encoded() == {("k", "opus-24000")}


async def test_a_plan_has_existing_sounds_encoded_for_a_device_that_wants_it(
    harness: Harness, engine: AsyncEngine, clock: FixedClock
) -> None:
    for audio in ("wav-16000", "mp3-16000"):
        device_id = await add_device(engine, harness.user_id, clock, audio.encode())
        async with engine.begin() as connection:
            await connection.execute(update(devices).where(devices.c.id == device_id).values(audio=audio))
    one = PlannedAnnouncement(
        key="tea",
        kind="before",
        play_at=clock.now() + timedelta(minutes=1),
        expires_at=clock.now() + timedelta(minutes=10),
        titles=(),
        event_start="",
        language="en",
        voice=VoiceChoice("kitten"),
        wording=Wording(say_text, ("kitten", "Tea")),
    )
    key = installed_voices().content_key(one.spoken, one.voice)
    stored = {"key": key, "wav": WAV, "sha256": "0" * 64, "bytes": len(WAV), "seconds": 1.0}

    async def plan() -> list[str]:
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM queue.pgqueuer"))
            await lock_plan(connection, harness.user_id)
            await replan_everywhere(connection, harness.user_id, clock.now(), [one])
        return await harness.renders()

    async with engine.begin() as connection:
        await connection.execute(insert(sounds).values(used_at=clock.now(), **stored))
    assert await plan() == [key]
    await harness.renderer.render(key)
    assert await harness.encoded() == {(key, "mp3-16000")}
    assert await plan() == []


async def test_where_encoding_fails_the_device_has_the_wav(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(wav: bytes, audio: object) -> bytes:
        raise SpeechFailed("speech_not_encoded", "no")

    monkeypatch.setattr(rendering, "encode", failing)
    device_id = await harness.add("mp3-16000")
    await harness.renderer.render("k")
    audio = await harness.audio(device_id)
    assert audio and (audio["type"], await harness.content(audio)) == ("audio/wav", WAV)


async def test_encoded_sounds_go_with_their_sound(harness: Harness) -> None:
    await harness.add("mp3-16000")
    await harness.renderer.render("k")
    assert await harness.encoded()
    async with harness.engine.begin() as connection:
        await connection.execute(delete(sounds))
    assert await harness.encoded() == set()


async def test_another_sound_of_the_same_announcement_has_another_address(harness: Harness) -> None:
    device_id = await harness.add("wav-16000")
    await harness.renderer.render("k")
    first = await harness.audio(device_id)
    async with harness.engine.begin() as connection:
        await connection.execute(update(sounds).values(sha256="f" * 64))
    second = await harness.audio(device_id)
    assert first and second and first["url"] != second["url"]


async def test_a_substitute_is_rendered_again_when_a_plan_wants_it_later(
    harness: Harness, clock: FixedClock
) -> None:
    """What another engine said while a speech server was away must not stay for as long as it is used."""
    device_id, mp3 = await harness.add("wav-16000"), await harness.add("mp3-16000")
    harness.voice.is_substitute = True
    await harness.renderer.render("k")
    first = await harness.audio(device_id)

    async def wanted_again() -> None:
        async with harness.engine.begin() as connection:
            still = update(announcements).where(announcements.c.device_id == device_id)
            await connection.execute(
                still.values(state="planned", expires_at=clock.now() + timedelta(hours=1))
            )
            others = update(announcements).where(announcements.c.device_id != device_id)
            await connection.execute(others.values(expires_at=clock.now() + timedelta(hours=1)))
            kept = await repository._keep_sounds(connection, ["k"], clock.now())
        assert bool(kept) == (clock.now() < begun + timedelta(hours=1))
        await harness.renderer.render("k")

    begun = clock.now()
    clock.advance(timedelta(minutes=59))
    await wanted_again()
    assert harness.voice.said == ["Tea."]
    clock.advance(timedelta(minutes=1))
    # The server is still away: nothing changes.
    before = (await harness.document(mp3))["version"]
    await wanted_again()
    assert await harness.audio(device_id) == {
        **(first or {}),
        "url": (await harness.audio(device_id) or {})["url"],
    }
    assert (await harness.document(mp3))["version"] == before
    begun = clock.now()
    clock.advance(timedelta(hours=1))
    # It is back.
    harness.voice.wav, harness.voice.is_substitute = tone_wav(0.5), False
    await wanted_again()
    audio, encoded = await harness.audio(device_id), await harness.audio(mp3)
    assert audio and await harness.content(audio) == harness.voice.wav
    assert encoded and encoded["type"] == "audio/mpeg" and await harness.content(encoded)
    assert (await harness.document(mp3))["version"] > before
    begun = clock.now() + timedelta(days=365)
    clock.advance(timedelta(days=1))
    await wanted_again()
    assert len(harness.voice.said) == 3
