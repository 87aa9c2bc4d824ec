"""Pairing of devices by code, and the validity of their tokens."""

import asyncio
import contextlib
import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices.devices import MAX_DEVICES, Devices
from catflap.devices.pairing import LIFETIME, Pairings
from catflap.devices.pairing_codes import Code, CodeKind, make_code, read_code
from catflap.errors import BadRequest
from catflap.speech import installed_voices
from catflap.store.tables import devices as devices_table
from catflap.store.tables import limit_counts, users
from catflap.store.tables import pairings as pairings_table
from catflap.work.retention import delete_old

SECRET = "the-secret-that-only-the-device-knows"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture
def devices(engine: AsyncEngine, clock: FixedClock) -> Devices:
    return Devices(engine, clock)


@pytest.fixture
def pairings(engine: AsyncEngine, clock: FixedClock, devices: Devices) -> Pairings:
    return Pairings(engine, clock, devices, installed_voices(), b"k" * 32)


async def test_a_claimed_device_is_found_by_its_token(
    pairings: Pairings, devices: Devices, user_id: int
) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    assert await pairings.claimed_device_id(pairing.handle) is None
    claimed, waited = await pairings.claim(user_id, pairing.code.lower(), "Mia", room="Kitchen")
    assert await pairings.claimed_device_id(pairing.handle) == claimed.id
    found = await devices.find(SECRET)
    assert found is not None and found.id == claimed.id
    assert (claimed.name, claimed.room, claimed.model) == ("Mia", "Kitchen", "robot")
    assert (claimed.user_id, waited.model) == (user_id, "robot")


async def test_a_code_works_once(pairings: Pairings, user_id: int) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    await pairings.claim(user_id, pairing.code, None)
    with pytest.raises(BadRequest) as refused:
        await pairings.claim(user_id, pairing.code, None)
    assert refused.value.code == "not_found"


async def test_a_code_expires_after_ten_minutes(pairings: Pairings, clock: FixedClock, user_id: int) -> None:
    pairing = await pairings.create(token_sha256=HASH, model="robot")
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert await pairings.claimed_device_id(pairing.handle) is None
    clock.advance(timedelta(seconds=1))
    for attempt in (pairings.claim(user_id, pairing.code, None), pairings.claimed_device_id(pairing.handle)):
        with pytest.raises(BadRequest):
            await attempt


@pytest.mark.parametrize("kind", ["letters", "digits"])
async def test_the_database_stores_only_hashes_of_code_token_and_handle(
    pairings: Pairings, engine: AsyncEngine, user_id: int, kind: CodeKind
) -> None:
    async def dump() -> str:
        async with engine.connect() as connection:
            tables = (pairings_table, devices_table, limit_counts)
            return str([row for one in tables for row in await connection.execute(select(one))])

    pairing = await pairings.create(token_sha256=HASH, model="robot", kind=kind, address="203.0.113.7")
    before = await dump()
    await pairings.claim(user_id, pairing.code, address="203.0.113.8")
    after = await dump()
    for secret in (SECRET, pairing.handle, pairing.code, pairing.code.replace("-", "")):
        assert secret not in before + after
    # Not without the key either.
    plain = hashlib.sha256(pairing.code.replace("-", "").encode()).digest()
    assert str(plain) not in before
    assert "203.0.113.7" in before and "203.0.113" not in after


async def test_of_two_who_claim_a_device_one_gets_it_and_the_other_finds_none(
    pairings: Pairings, devices: Devices, engine: AsyncEngine, clock: FixedClock, user_id: int
) -> None:
    async with engine.begin() as connection:
        made = insert(users).values(created_at=clock.now()).returning(users.c.id)
        rivals = [user_id, int((await connection.execute(made)).scalar_one())]
    for number in range(5):
        pairing = await pairings.create(token_sha256=f"{number:064}", model="robot", address=str(number))
        claims = [pairings.claim(rival, pairing.code) for rival in rivals]
        found = await asyncio.gather(*claims, return_exceptions=True)
        lost = [one for one in found if isinstance(one, BadRequest)]
        won = [one for one in found if not isinstance(one, BaseException)]
        assert [one.code for one in lost] == ["not_found"]
        assert await pairings.claimed_device_id(pairing.handle) == won[0][0].id


async def test_a_preview_shows_what_the_device_is_from_where_and_when_it_asked_and_claims_nothing(
    pairings: Pairings, clock: FixedClock, user_id: int
) -> None:
    asked_at = clock.now()
    pairing = await pairings.create(token_sha256=HASH, model="robot", kind="digits", address="203.0.113.7")
    clock.advance(timedelta(minutes=3))
    for _ in range(2):
        seen = await pairings.preview(user_id, pairing.code)
        assert (seen.model, seen.address, seen.asked_at) == ("robot", "203.0.113.7", asked_at)
    assert await pairings.claimed_device_id(pairing.handle) is None
    await pairings.claim(user_id, pairing.code)
    with pytest.raises(BadRequest) as refused:
        await pairings.preview(user_id, pairing.code)
    assert refused.value.code == "not_found"


async def test_a_token_that_another_device_has_is_refused_and_the_code_stays(
    pairings: Pairings, user_id: int
) -> None:
    for _ in range(2):
        pairing = await pairings.create(token_sha256=HASH, model="robot")
        with contextlib.suppress(BadRequest):
            await pairings.claim(user_id, pairing.code)
    with pytest.raises(BadRequest) as refused:
        await pairings.claim(user_id, pairing.code)
    assert refused.value.code == "already_paired"


async def test_expired_pairings_are_deleted_by_the_next_one_and_by_retention(
    pairings: Pairings, engine: AsyncEngine, clock: FixedClock
) -> None:
    async def stored() -> int:
        async with engine.connect() as connection:
            return len((await connection.execute(select(pairings_table))).all())

    await pairings.create(token_sha256=HASH, model="robot")
    clock.advance(LIFETIME)
    await pairings.create(token_sha256=HASH, model="robot")
    assert await stored() == 1
    clock.advance(LIFETIME)
    await delete_old(engine, clock.now())
    assert await stored() == 0


def test_a_code_is_read_in_any_spelling_of_the_right_letters_or_digits() -> None:
    for typed in ("WDJB-MJHT", "wdjb mjht", "ＷＤＪＢ－ＭＪＨＴ", " wdjbmjht\n"):
        assert read_code(typed) == Code("letters", "WDJBMJHT")
    for typed in ("482913", "482 913", "４８２９１３", "4-8-2-9-1-3"):
        assert read_code(typed) == Code("digits", "482913")
    for typed in ("", "WDJB-MJH", "WDJB-MJHA", "48291", "4829131", "48291B", "٤٨٢٩١٣"):
        assert read_code(typed) is None
    assert {make_code("digits").shown.isdecimal(), len(make_code("digits").shown)} == {True, 6}
    assert read_code(make_code("letters").shown) is not None


async def test_the_token_of_a_removed_device_is_invalid(devices: Devices, user_id: int) -> None:
    device, token = await devices.add_browser(user_id, "Browser")
    with pytest.raises(BadRequest):
        await devices.remove(user_id + 1, device.id)
    await devices.remove(user_id, device.id)
    assert await devices.find(token) is None


async def test_the_number_of_devices_per_user_is_limited(devices: Devices, user_id: int) -> None:
    for number in range(MAX_DEVICES):
        await devices.add_browser(user_id, f"Browser {number}")
    with pytest.raises(BadRequest) as refused:
        await devices.add_browser(user_id, "One more")
    assert refused.value.code == "too_many"


async def test_a_token_is_replaced_once_by_one_that_no_other_device_has(
    devices: Devices, user_id: int
) -> None:
    (_, first), (other, second) = [await devices.add_browser(user_id, name) for name in ("A", "B")]
    found = await devices.find(first)
    assert found is not None
    with pytest.raises(BadRequest) as refused:
        await devices.rotate_token(found, hashlib.sha256(second.encode()).hexdigest())
    assert refused.value.code == "already_paired"
    replaced = [devices.rotate_token(found, hashlib.sha256(new).hexdigest()) for new in (b"x", b"y")]
    ends = await asyncio.gather(*replaced, return_exceptions=True)
    assert [one.code for one in ends if isinstance(one, BadRequest)] == ["unauthenticated"]
    assert await devices.find(first) is None and await devices.find(second) == other
    assert len([one for one in ("x", "y") if await devices.find(one)]) == 1


async def test_of_two_devices_that_take_the_same_token_at_once_one_is_refused(
    devices: Devices, user_id: int
) -> None:
    for number in range(10):
        made = [await devices.add_browser(user_id, name) for name in "AB"]
        wanted = hashlib.sha256(b"the same %d" % number).hexdigest()
        ends = await asyncio.gather(
            *(devices.rotate_token(device, wanted) for device, _ in made), return_exceptions=True
        )
        assert [one.code for one in ends if isinstance(one, BadRequest)] == ["already_paired"], ends
        for device, _ in made:
            await devices.remove(user_id, device.id)
