"""How many wrong codes may be tried and how many codes asked for: of a user, an address and all together."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.devices import pairing_limits
from catflap.devices.devices import Devices
from catflap.devices.pairing import Pairings
from catflap.devices.pairing_codes import CodeKind
from catflap.devices.pairing_limits import CODES_PER_ADDRESS, TRIES_PER_ADDRESS, TRIES_PER_USER
from catflap.errors import BadRequest, CatflapError, TryAgain
from catflap.speech import installed_voices
from catflap.store.tables import limit_counts
from catflap.work.retention import delete_old

WRONG = {"letters": "BBBB-BBBB", "digits": "000000"}
Make = Callable[[], Pairings]


@pytest.fixture
def make(engine: AsyncEngine, clock: FixedClock) -> Make:
    """Makes what a process has of its own."""
    return lambda: Pairings(engine, clock, Devices(engine, clock), installed_voices(), b"k" * 32)


async def outcomes(*calls: Awaitable[object]) -> dict[str, int]:
    """Return how often each code of an error came, `ok` for none."""
    found: dict[str, int] = {}
    for one in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(one, BaseException) and not isinstance(one, CatflapError):
            raise one
        code = one.code if isinstance(one, CatflapError) else "ok"
        found[code] = found.get(code, 0) + 1
    return found


async def test_a_user_has_five_wrong_codes_in_an_hour_in_all_processes_together(
    make: Make, clock: FixedClock, user_id: int
) -> None:
    processes = [make(), make()]
    begun = clock.now()
    tries = [processes[n % 2].claim(user_id, WRONG["letters"], address=str(n)) for n in range(8)]
    tries += [processes[n % 2].preview(user_id, WRONG["digits"], str(n)) for n in range(8)]
    assert await outcomes(*tries) == {"not_found": TRIES_PER_USER, "rate_limited": 16 - TRIES_PER_USER}
    clock.advance(timedelta(minutes=20))
    right = await processes[0].create(token_sha256="a" * 64, model="robot", address="device")
    with pytest.raises(TryAgain) as refused:
        await processes[1].claim(user_id, right.code)
    assert refused.value.after == begun + timedelta(hours=1) - clock.now()
    clock.advance(timedelta(minutes=40))
    assert await outcomes(processes[0].preview(user_id, WRONG["digits"])) == {"not_found": 1}


async def test_right_codes_and_texts_that_are_no_code_are_not_counted(make: Make, user_id: int) -> None:
    pairings = make()
    for number in range(2 * TRIES_PER_USER):
        made = await pairings.create(token_sha256=f"{number:064}", model="robot", address=str(number))
        assert await outcomes(pairings.claim(user_id, "WDJB-MJH")) == {"not_found": 1}
        await pairings.preview(user_id, made.code)
        await pairings.claim(user_id, made.code)


async def test_an_address_has_twenty_wrong_codes_of_all_its_users(make: Make, user_id: int) -> None:
    users = range(1000, 1000 + TRIES_PER_ADDRESS + 5)
    tries = [make().preview(one, WRONG["digits"], "203.0.113.7") for one in users]
    assert await outcomes(*tries) == {"not_found": TRIES_PER_ADDRESS, "rate_limited": 5}
    assert await outcomes(make().preview(user_id, WRONG["digits"], "203.0.113.8")) == {"not_found": 1}


async def test_all_together_have_a_limit_for_each_kind_and_who_is_refused_uses_none_of_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_limits, "TRIES_TOGETHER", {"letters": 9, "digits": 8})

    async def attempt(user: int, kind: CodeKind) -> dict[str, int]:
        return await outcomes(make().preview(user, WRONG[kind], f"address {user}"))

    first = [await attempt(1, "digits") for _ in range(TRIES_PER_USER + 20)]
    assert first[TRIES_PER_USER - 1 : TRIES_PER_USER + 1] == [{"not_found": 1}, {"rate_limited": 1}]
    assert [await attempt(user, "digits") for user in (2, 3, 4)] == [{"not_found": 1}] * 3
    assert await attempt(5, "digits") == {"rate_limited": 1}
    assert await attempt(5, "letters") == {"not_found": 1}


async def test_codes_are_limited_for_an_address_and_for_all(
    make: Make, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_limits, "CODES_TOGETHER", {"letters": 100, "digits": CODES_PER_ADDRESS + 2})

    def ask(number: int, address: str) -> Awaitable[object]:
        return make().create(token_sha256=f"{number:064}", model="x", kind="digits", address=address)

    asked = await outcomes(*(ask(number, "203.0.113.7") for number in range(CODES_PER_ADDRESS + 5)))
    assert asked == {"ok": CODES_PER_ADDRESS, "rate_limited": 5}
    others = await outcomes(*(ask(number, f"198.51.100.{number}") for number in range(4)))
    assert others == {"ok": 2, "rate_limited": 2}
    clock.advance(timedelta(minutes=10))
    assert await outcomes(ask(0, "203.0.113.7")) == {"ok": 1}


async def test_two_devices_never_have_the_same_code_at_a_time(
    make: Make, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catflap.devices.pairing_codes._ALPHABETS", {"digits": ("01", 2)})
    asked = await asyncio.gather(
        *(make().create(token_sha256=f"{n:064}", model="x", kind="digits", address=str(n)) for n in range(4))
    )
    assert sorted(one.code for one in asked) == ["00", "01", "10", "11"]
    with pytest.raises(TryAgain):
        await make().create(token_sha256="f" * 64, model="x", kind="digits")
    await make().claim(user_id, "01")
    again = await make().create(token_sha256="f" * 64, model="x", kind="digits")
    assert again.code == "01"


async def test_ended_windows_are_deleted(
    make: Make, engine: AsyncEngine, clock: FixedClock, user_id: int
) -> None:
    with pytest.raises(BadRequest):
        await make().preview(user_id, WRONG["letters"])
    for later, left in ((timedelta(minutes=59), 3), (timedelta(minutes=1), 0)):
        clock.advance(later)
        await delete_old(engine, clock.now())
        async with engine.connect() as connection:
            assert await connection.scalar(select(func.count()).select_from(limit_counts)) == left
