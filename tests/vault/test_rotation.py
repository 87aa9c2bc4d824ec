"""Keys are rotated while tokens are served, and nothing stays encrypted with a retired key."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest, OperatorMustAct, Tampered
from catflap.google.oauth import TokenResponse
from catflap.vault import Grants, TokenCipher, load_keyset
from catflap.vault.encryption import AssociatedData, key_id
from catflap.vault.keyset import EnvironmentKeyset, Keyset, KeysetFile, with_new_primary
from catflap.vault.rotation import Progress, Rotation
from tests.vault.conftest import CLIENT_ID

PLACE = AssociatedData(1, 2, "refresh_token")


def _answer(refresh: str) -> TokenResponse:
    return TokenResponse("access", 3599, frozenset({"openid"}), refresh)


@pytest.fixture
def rotation(grants: Grants, keyset_file: Path) -> Rotation:
    return Rotation(grants.engine, TokenCipher(load_keyset(keyset_file)), grace=timedelta(milliseconds=10))


async def test_rotating_seals_everything_anew_and_retires_the_old_key(
    grants: Grants, rotation: Rotation, keyset_file: Path, user_id: int
) -> None:
    for number in range(5):
        await grants.store(user_id, f"sub{number}", _answer(f"refresh{number}"))
    (old,) = load_keyset(keyset_file).ids
    seen: list[Progress] = []
    assert await rotation.rotate(seen.append) == 10
    (new,) = load_keyset(keyset_file).ids
    assert new != old
    assert (seen[0], seen[-1]) == (Progress(0, 10), Progress(10, 10))
    assert await rotation.used() == {new: 10}
    for number, grant in enumerate(await grants.of_user(user_id)):
        assert grants.open_refresh_token(grant) == f"refresh{number}"


async def test_tokens_are_served_and_stored_during_a_rotation(
    grants: Grants, rotation: Rotation, user_id: int
) -> None:
    await asyncio.gather(*(grants.store(user_id, f"sub{n}", _answer(f"refresh{n}")) for n in range(40)))
    rotating = asyncio.create_task(rotation.rotate())
    while not rotating.done():
        for number, grant in enumerate(
            sorted(await grants.of_user(user_id), key=lambda one: one.account_sub)
        ):
            assert grants.open_access_token(grant)
            if number % 10 == 0:
                await grants.store(user_id, grant.account_sub, _answer(f"newer {grant.account_sub}"))
    await rotating
    for grant in await grants.of_user(user_id):
        assert grants.open_refresh_token(grant)


async def test_a_running_process_picks_up_a_new_key_without_a_restart(keyset_file: Path) -> None:
    running, other = TokenCipher(load_keyset(keyset_file)), TokenCipher(load_keyset(keyset_file))
    before = running.encrypt("secret", PLACE)
    file = KeysetFile(keyset_file)
    file.write(with_new_primary(file.read()))
    after = other.encrypt("secret", PLACE)
    assert key_id(after) != key_id(before)
    assert running.decrypt(after, PLACE) == running.decrypt(before, PLACE) == "secret"
    assert key_id(running.encrypt("secret", PLACE)) == key_id(after)


async def test_without_its_key_a_value_does_not_open(tmp_path: Path) -> None:
    sealed = TokenCipher(load_keyset(tmp_path / "one")).encrypt("secret", PLACE)
    with pytest.raises(OperatorMustAct) as caught:
        TokenCipher(load_keyset(tmp_path / "two")).decrypt(sealed, PLACE)
    assert caught.value.code == "keyset_lacks_key"
    assert "secret" not in str(caught.value) + str(caught.value.detail)


def test_the_keyset_is_for_its_owner_only(keyset_file: Path) -> None:
    load_keyset(keyset_file)
    assert stat.S_IMODE(keyset_file.stat().st_mode) == 0o600


def test_processes_that_start_at_once_end_up_with_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(load_keyset, [tmp_path / "keyset"] * 8))
    assert len({one.primary for one in made}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["keyset"]


async def test_a_keyset_from_the_environment_is_changed_by_its_owner_alone(
    vault_engine: AsyncEngine, clock: FixedClock, keyset_file: Path, user_id: int
) -> None:
    text_of_keyset = load_keyset(keyset_file).source.read()
    old = Keyset(EnvironmentKeyset(text_of_keyset))
    grants = Grants(vault_engine, TokenCipher(old), clock, CLIENT_ID)
    await grants.store(user_id, "sub", _answer("refresh"))
    with pytest.raises(OperatorMustAct) as caught:
        await Rotation(vault_engine, TokenCipher(old)).rotate()
    assert caught.value.code == "keyset_in_environment"
    rotation = Rotation(
        vault_engine, TokenCipher(Keyset(EnvironmentKeyset(with_new_primary(text_of_keyset))))
    )
    with pytest.raises(BadRequest):
        await rotation.check_retired()
    assert await rotation.reseal() == 2
    await rotation.check_retired()


@pytest.mark.parametrize("broken", ["", "{}", '{"primaryKeyId": 1, "key": []}'])
def test_a_broken_keyset_says_what_to_do(keyset_file: Path, broken: str) -> None:
    keyset_file.write_text(broken)
    with pytest.raises(OperatorMustAct) as caught:
        load_keyset(keyset_file)
    assert caught.value.code == "keyset_unreadable"


async def test_a_changed_row_is_named_and_stops_the_rotation(
    grants: Grants, rotation: Rotation, user_id: int, keyset_file: Path
) -> None:
    await grants.store(user_id, "sub", _answer("refresh"))
    async with grants.engine.begin() as connection:
        await connection.execute(
            text("UPDATE vault.google_tokens SET refresh_token = set_byte(refresh_token, 20, 7)")
        )
    with pytest.raises(Tampered):
        await rotation.rotate()
    assert len(load_keyset(keyset_file).ids) == 2
