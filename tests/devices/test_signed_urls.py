"""Signed sound URLs: what they return and when they expire."""

from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.devices.signed_urls import PATH, VALID_AFTER_EXPIRY, SignedSoundUrls, signing_key
from catflap.errors import BadRequest
from catflap.speech import RENDERED_AUDIO
from catflap.store.tables import announcements, sounds

WAV = b"RIFF....WAVE"
SHA256 = "0" * 64


@pytest.fixture
async def device_id(engine: AsyncEngine, clock: FixedClock, user_id: int) -> int:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Browser")
    now = clock.now()
    sound = {"key": "k", "wav": WAV, "sha256": SHA256, "bytes": len(WAV), "seconds": 1.0, "used_at": now}
    announcement = {
        "id": "a1",
        "user_id": user_id,
        "device_id": device.id,
        "key": "key",
        "kind": "before",
        "state": "ready",
        "play_at": now,
        "expires_at": now + timedelta(minutes=10),
        "titles": [],
        "event_start": "",
        "dialect": "plain",
        "display": "",
        "spoken": "",
        "sound_key": "k",
        "updated_at": now,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(sounds).values(sound))
        await connection.execute(insert(announcements).values(announcement))
    return device.id


@pytest.fixture
async def urls(engine: AsyncEngine, clock: FixedClock) -> SignedSoundUrls:
    return SignedSoundUrls(engine, clock, await signing_key(engine, "sounds"))


async def test_a_signed_url_returns_the_sound(
    urls: SignedSoundUrls, clock: FixedClock, device_id: int
) -> None:
    path = urls.path(device_id, "a1", clock.now(), RENDERED_AUDIO, SHA256)
    assert path.startswith(PATH)
    assert path.endswith(".wav")
    assert (await urls.open(path.removeprefix(PATH))).content == WAV


async def test_a_signed_url_is_valid_until_an_hour_after_the_announcement_expires(
    urls: SignedSoundUrls, clock: FixedClock, device_id: int
) -> None:
    name = urls.path(device_id, "a1", clock.now(), RENDERED_AUDIO, SHA256).removeprefix(PATH)
    clock.advance(VALID_AFTER_EXPIRY)
    with pytest.raises(BadRequest) as refused:
        await urls.open(name)
    assert refused.value.code == "expired"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "1.a1.9999999999.", "1.a1.9999999999.AAAA.wav", "x.y.z.w.v", "é.é", "\x00"]
)
async def test_an_invalid_signature_is_not_found(urls: SignedSoundUrls, name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await urls.open(name)
    assert refused.value.code == "not_found"


async def test_a_signature_covers_device_announcement_and_expiry(
    urls: SignedSoundUrls, clock: FixedClock, device_id: int
) -> None:
    name = urls.path(device_id, "a1", clock.now(), RENDERED_AUDIO, SHA256).removeprefix(PATH)
    device, announcement, until, rest = name.split(".", 3)
    for bent in (
        f"{int(device) + 1}.{announcement}.{until}.{rest}",
        f"{device}.a2.{until}.{rest}",
        f"{device}.{announcement}.{int(until) + 1}.{rest}",
    ):
        with pytest.raises(BadRequest):
            await urls.open(bent)


async def test_a_signed_url_with_another_devices_announcement_is_not_found(
    urls: SignedSoundUrls, clock: FixedClock, device_id: int
) -> None:
    with pytest.raises(BadRequest):
        await urls.open(
            urls.path(device_id + 1, "a1", clock.now(), RENDERED_AUDIO, SHA256).removeprefix(PATH)
        )


async def test_every_process_signs_with_the_same_key(engine: AsyncEngine) -> None:
    assert await signing_key(engine, "sounds") == await signing_key(engine, "sounds")
    assert await signing_key(engine, "sounds") != await signing_key(engine, "other")
