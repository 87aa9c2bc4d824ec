"""Members of shared devices in the database: limits, races, and what is planned for each."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.at_once import announce_text, repeat_later, repeat_now
from catflap.announcements.audience import devices_of_user, members_of_device
from catflap.announcements.erasure import erase_unplanned
from catflap.announcements.reactions import find_announcement
from catflap.announcements.repository import lock_plan, replan
from catflap.clock import FixedClock
from catflap.devices import members as members_module
from catflap.devices.devices import Devices
from catflap.devices.members import Members
from catflap.devices.mute import ALWAYS, mute_all, unmute_all
from catflap.errors import BadRequest
from catflap.speech import VoiceChoice, installed_voices, say_text
from catflap.store.device_tables import device_invitations, device_members
from catflap.store.tables import announcements, devices, users
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import delete_old
from tests.support.planned_announcements import planned, replan_everywhere
from tests.support.spoken import add_announcement

HOUR = timedelta(hours=1)


class Shared:
    """A device, its owner, and users to share it with."""

    def __init__(self, engine: AsyncEngine, clock: FixedClock, owner: int, device: int) -> None:
        self.engine, self.clock, self.owner, self.device = engine, clock, owner, device
        self.members = Members(engine, clock)

    async def user(self) -> int:
        async with self.engine.begin() as connection:
            made = insert(users).values(created_at=self.clock.now()).returning(users.c.id)
            return int((await connection.execute(made)).scalar_one())

    async def join(self, user_id: int | None = None, **choice: bool) -> int:
        user_id = user_id or await self.user()
        code = (await self.members.invite(self.owner, self.device)).code
        choice = {"says_name": True, "says_titles": True, **choice}
        await self.members.accept(user_id, code, **choice)
        return user_id

    async def plan(self, user_id: int, *keys: str) -> None:
        wanted = [planned(key, self.clock.now() + HOUR) for key in keys]
        async with self.engine.begin() as connection:
            await lock_plan(connection, user_id)
            await replan_everywhere(connection, user_id, self.clock.now(), wanted)

    async def rows(self) -> dict[tuple[int, str], str]:
        query = select(announcements).where(announcements.c.device_id == self.device)
        async with self.engine.connect() as connection:
            return {(row.user_id, row.key): row.state for row in await connection.execute(query)}


@pytest.fixture
async def shared(engine: AsyncEngine, clock: FixedClock, user_id: int) -> Shared:
    device, _ = await Devices(engine, clock).add_browser(user_id, "Mia")
    return Shared(engine, clock, user_id, device.id)


async def test_each_member_is_announced_in_the_voice_of_their_own(shared: Shared) -> None:
    other, now = await shared.join(), shared.clock.now()
    chosen = {shared.owner: VoiceChoice("kitten"), other: VoiceChoice("kitten", 5)}
    for user_id, voice in chosen.items():
        async with shared.engine.begin() as connection:
            await lock_plan(connection, user_id)
            one = planned("lunch", now + HOUR, voice=voice)
            await replan_everywhere(connection, user_id, now, [one])
    async with shared.engine.connect() as connection:
        rows = (await connection.execute(select(announcements))).all()
    assert {row.user_id: VoiceChoice(row.dialect, row.pitch) for row in rows} == chosen
    assert len({row.sound_key for row in rows}) == 2


def codes(found: list[Any]) -> list[str]:
    return [one.code for one in found if isinstance(one, BadRequest)]


async def test_plans_of_two_members_with_the_same_keys_leave_each_other_alone(shared: Shared) -> None:
    other = await shared.join()
    await shared.plan(shared.owner, "briefing", "ours")
    await shared.plan(other, "briefing", "theirs")
    expected = {(shared.owner, "briefing"), (shared.owner, "ours"), (other, "briefing"), (other, "theirs")}
    assert await shared.rows() == dict.fromkeys(expected, "planned")
    await shared.plan(other)
    states = {key: "cancelled" if key[0] == other else "planned" for key in expected}
    assert await shared.rows() == states


async def test_a_member_who_is_removed_while_their_plan_is_written_is_not_announced(shared: Shared) -> None:
    other, now = await shared.join(), shared.clock.now()
    async with shared.engine.begin() as connection:
        await lock_plan(connection, other)
        mine = [one.id for one in await devices_of_user(connection, other)]
        removing = asyncio.create_task(shared.members.remove(shared.owner, shared.device, other))
        while not await connection.scalar(select(_waiting())):
            pass
        await replan(connection, other, now, {one: [planned("theirs", now + HOUR)] for one in mine})
    await removing
    assert await shared.rows() == {(other, "theirs"): "cancelled"}
    await shared.plan(other, "later")
    assert (other, "later") not in await shared.rows()


def _waiting() -> Any:
    from_locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return members_module.text(f"EXISTS ({from_locks})")


async def test_who_has_left_has_nothing_repeated_on_the_device(shared: Shared) -> None:
    other, now = await shared.join(), shared.clock.now()
    said = await add_announcement(shared.engine, other, shared.device, now, kind="briefing")
    async with shared.engine.connect() as connection:
        row = await find_announcement(connection, said, user_id=other)
    await shared.members.remove(other, shared.device, other)
    for repeat, times in ((repeat_now, (now,)), (repeat_later, (now + HOUR, now))):
        async with shared.engine.begin() as connection:
            with pytest.raises(BadRequest) as refused:
                await repeat(connection, row, *times)
        assert refused.value.code == "not_found"
    assert set(await shared.rows()) == {(other, said)}


async def test_an_invitation_that_two_accept_at_once_is_for_one_of_them(shared: Shared) -> None:
    rivals = [await shared.user() for _ in range(3)]
    code = (await shared.members.invite(shared.owner, shared.device)).code
    accepts = [shared.members.accept(one, code, says_name=True, says_titles=False) for one in rivals]
    found = await asyncio.gather(*accepts, return_exceptions=True)
    assert codes(found) == ["not_found", "not_found"]
    assert len(await shared.members.of_device(shared.owner, shared.device)) == 2


async def test_an_owner_who_accepts_their_own_invitation_loses_neither_it_nor_their_choice(
    shared: Shared,
) -> None:
    code = (await shared.members.invite(shared.owner, shared.device)).code
    before = await shared.members.of_device(shared.owner, shared.device)
    with pytest.raises(BadRequest) as refused:
        await shared.members.accept(shared.owner, code, says_name=True, says_titles=False)
    assert refused.value.code == "invalid_request"
    assert await shared.members.of_device(shared.owner, shared.device) == before
    await shared.members.accept(await shared.user(), code, says_name=True, says_titles=False)


@pytest.mark.parametrize("how", ["withdrawn", "removed"])
async def test_accepting_what_is_withdrawn_at_the_same_time_is_refused_or_counts(
    shared: Shared, how: str
) -> None:
    for number in range(10):
        device, _ = await Devices(shared.engine, shared.clock).add_browser(shared.owner, f"{number}")
        code = (await shared.members.invite(shared.owner, device.id)).code
        end = (
            shared.members.withdraw_invitations(shared.owner, device.id)
            if how == "withdrawn"
            else Devices(shared.engine, shared.clock).remove(shared.owner, device.id)
        )
        accept = shared.members.accept(await shared.user(), code, says_name=True, says_titles=False)
        accepted, ended = await asyncio.gather(accept, end, return_exceptions=True)
        assert ended is None
        assert not isinstance(accepted, Exception) or codes([accepted]) == ["not_found"]


async def test_members_and_shared_devices_are_limited(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members_module, "MAX_MEMBERS", 3)
    joined = [await shared.join() for _ in range(2)]
    with pytest.raises(BadRequest) as refused:
        await shared.join()
    assert refused.value.code == "too_many"
    # Who is one of them may accept again, and chooses anew.
    await shared.join(joined[0], says_titles=False)
    found = {one.user_id: one for one in await shared.members.of_device(shared.owner, shared.device)}
    assert (found[joined[0]].says_titles, found[joined[1]].says_titles) == (False, True)
    monkeypatch.setattr(members_module, "MAX_DEVICES", 1)
    device, _ = await Devices(shared.engine, shared.clock).add_browser(shared.owner, "Second")
    second = Shared(shared.engine, shared.clock, shared.owner, device.id)
    with pytest.raises(BadRequest) as refused:
        await second.join(joined[0])
    assert refused.value.code == "too_many"


async def test_a_member_without_a_device_of_their_own_is_planned_every_hour(shared: Shared) -> None:
    other = await shared.join()

    async def due() -> Any:
        async with shared.engine.connect() as connection:
            return await connection.scalar(select(users.c.plan_due_at).where(users.c.id == other))

    shared.clock.advance(HOUR)
    await PeriodicTasks(shared.engine, shared.clock, 1).tick()
    assert await due() > shared.clock.now()
    await shared.members.remove(other, shared.device, other)
    shared.clock.advance(2 * HOUR)
    await PeriodicTasks(shared.engine, shared.clock, 1).tick()
    assert await due() is None


async def test_erasing_what_is_no_longer_planned_keeps_the_announcements_of_others(shared: Shared) -> None:
    other = await shared.join()
    await shared.plan(shared.owner, "ours")
    await shared.plan(other, "theirs")
    async with shared.engine.begin() as connection:
        await lock_plan(connection, other)
        await erase_unplanned(connection, other, shared.clock.now())
    assert await shared.rows() == {(shared.owner, "ours"): "planned"}


async def test_expired_invitations_are_deleted(shared: Shared) -> None:
    await shared.members.invite(shared.owner, shared.device)
    shared.clock.advance(members_module.INVITATION_LIFETIME)
    await delete_old(shared.engine, shared.clock.now())
    async with shared.engine.connect() as connection:
        assert (await connection.execute(select(device_invitations))).all() == []


async def test_the_owner_is_a_member_from_the_beginning_and_devices_are_found_from_both_sides(
    shared: Shared,
) -> None:
    other = await shared.join()
    async with shared.engine.connect() as connection:
        found = await members_of_device(connection, shared.device)
        mine = await devices_of_user(connection, other)
        rows = (await connection.execute(select(device_members))).all()
    assert [(one.user_id, one.is_owner) for one in found] == [(shared.owner, True), (other, False)]
    assert [(one.id, one.is_owner) for one in mine] == [(shared.device, False)]
    assert len(rows) == 2


async def test_changes_by_all_members_at_the_same_time_wait_for_each_other(shared: Shared) -> None:
    others = [await shared.join() for _ in range(2)]
    everybody, now = [shared.owner, *others], shared.clock.now()
    await Devices(shared.engine, shared.clock).add_browser(others[0], "Own")
    text = say_text("kitten", "Dinner is ready!")

    async def say(connection: AsyncConnection, user_id: int) -> None:
        await announce_text(connection, user_id, text, VoiceChoice("kitten"), installed_voices(), now)

    async def mute(connection: AsyncConnection, user_id: int) -> None:
        await mute_all(connection, user_id, ALWAYS, now)
        await unmute_all(connection, user_id, now)

    async def run(change: Any, user_id: int) -> None:
        async with shared.engine.begin() as connection:
            await change(connection, user_id)

    calls = [run(change, one) for change in (say, mute) for one in everybody for _ in range(3)]
    calls += [shared.plan(one, "a", "b") for one in everybody for _ in range(3)]
    calls += [shared.members.choose(one, shared.device, says_titles=False) for one in everybody]  # type: ignore[misc]
    calls += [shared.members.remove(shared.owner, shared.device, others[1])]
    random.Random(17).shuffle(calls)
    found = await asyncio.gather(*calls, return_exceptions=True)
    errors = [one for one in found if isinstance(one, BaseException)]
    # Who was removed has no device to say something on, and nothing to choose.
    assert {one.code for one in errors if isinstance(one, BadRequest)} <= {"not_found"}
    assert all(isinstance(one, BadRequest) for one in errors)
    async with shared.engine.connect() as connection:
        version = await connection.scalar(
            select(devices.c.schedule_version).where(devices.c.id == shared.device)
        )
    assert version is not None and version >= 6
    left = {state for (user, _), state in (await shared.rows()).items() if user == others[1]}
    assert left <= {"cancelled"}
