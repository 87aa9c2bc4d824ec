"""What a device says when it was claimed: one sentence, by name if that is known, in the owner's dialect."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.preference_store import save_preferences
from catflap.announcements.preferences import Preferences
from catflap.clock import FixedClock
from catflap.devices.devices import Devices
from catflap.devices.pairing import Pairings
from catflap.speech import address, installed_voices, say_paired, say_text
from catflap.speech.sentences import fits
from catflap.store.tables import accounts, announcements


async def said(engine: AsyncEngine, clock: FixedClock, user_id: int, number: int = 1) -> str:
    pairings = Pairings(engine, clock, Devices(engine, clock), installed_voices(), b"k" * 32)
    made = await pairings.create(token_sha256=f"{number:064}", model="robot")
    device, _ = await pairings.claim(user_id, made.code)
    async with engine.connect() as connection:
        query = select(announcements).where(announcements.c.device_id == device.id)
        (row,) = (await connection.execute(query)).all()
    assert (row.kind, row.state, row.user_id, row.titles) == ("paired", "planned", user_id, [])
    assert (row.play_at, row.expires_at) == (clock.now(), clock.now() + timedelta(minutes=5))
    return str(row.display)


async def account(engine: AsyncEngine, user_id: int, clock: FixedClock, given_name: str | None) -> None:
    values = {"user_id": user_id, "sub": "1", "email": "", "email_verified": True, "is_primary": True}
    values |= {"given_name": given_name, "created_at": clock.now(), "updated_at": clock.now()}
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(values))


async def test_a_claimed_device_says_whose_it_is_in_the_dialect_of_its_owner(
    engine: AsyncEngine, user_id: int, clock: FixedClock
) -> None:
    assert await said(engine, clock, user_id) in {say_paired("kitten", n).display for n in range(5)}
    await account(engine, user_id, clock, "Alice")
    named = await said(engine, clock, user_id, 2)
    assert named in {f"Mew, Alice! {say_paired('kitten', n).display}" for n in range(5)}
    async with engine.begin() as connection:
        chosen = Preferences("Asia/Tokyo", zone_source="user", dialect_ja="kansai")
        await save_preferences(connection, user_id, chosen, clock.now())
        await connection.execute(update(accounts).values(given_name="花子"))
    assert (await said(engine, clock, user_id, 3)).startswith("花子はん。")


async def test_its_sound_is_rendered_by_a_job(engine: AsyncEngine, user_id: int, clock: FixedClock) -> None:
    await said(engine, clock, user_id)
    async with engine.connect() as connection:
        key = await connection.scalar(select(announcements.c.sound_key))
        query = text("SELECT payload FROM queue.pgqueuer WHERE entrypoint = 'render'")
        assert str(key).encode() in (await connection.scalars(query)).all()


@pytest.mark.parametrize("name", ["", "😀", "\x00", "   ", "..."])
def test_a_name_without_anything_to_pronounce_is_left_out(name: str) -> None:
    said = say_paired("plain", 3)
    assert address(said, name) == said


def test_a_name_is_spoken_in_the_language_of_the_sentence_and_cut() -> None:
    assert address(say_paired("kyoto"), "Hanako").spoken.startswith("ハナコはん。")
    assert "{" not in address(say_paired("plain"), "{name} {0}").display.replace("{name} {0}", "")
    long = address(say_paired("standard"), "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff " * 3)
    assert fits(long) and len(long.spoken) < 80
    full = say_text("plain", "word " * 40)
    assert address(full, "Alice") == full, "a text as long as a sound may be"
