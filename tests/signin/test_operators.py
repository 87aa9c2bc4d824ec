"""An operator is who signs in at Google with an address that the settings list, and nobody else."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock
from catflap.errors import BadRequest
from catflap.signin.operators import Operators
from catflap.signin.sessions import Session
from catflap.store.tables import accounts

LISTED = "Operator@example.com"


@pytest.fixture
def session(user_id: int, clock: FixedClock) -> Session:
    now = clock.now()
    return Session(1, user_id, "cookie", created_at=now, last_used_at=now, expires_at=now)


async def add(engine: AsyncEngine, session: Session, **changed: Any) -> None:
    values = {
        "user_id": session.user_id,
        "sub": "1",
        "signs_in": True,
        "email": "operator@Example.com",
        "email_verified": True,
        "is_primary": True,
        "created_at": session.created_at,
        "updated_at": session.created_at,
        **changed,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(accounts).values(values))


async def test_the_address_counts_in_any_case(engine: AsyncEngine, session: Session) -> None:
    await add(engine, session)
    operators = Operators(engine, [LISTED])
    assert await operators.include(session)
    await operators.check(session)


@pytest.mark.parametrize(
    "changed",
    [
        {"email_verified": False},
        {"signs_in": False},
        {"email": "other@example.com"},
        {"email": "operator@example.com.evil.example"},
    ],
)
async def test_no_other_account_makes_an_operator(
    engine: AsyncEngine, session: Session, changed: dict[str, Any]
) -> None:
    await add(engine, session, **changed)
    operators = Operators(engine, [LISTED])
    assert not await operators.include(session)
    with pytest.raises(BadRequest, match="operators"):
        await operators.check(session)


async def test_a_disabled_account_makes_no_operator(engine: AsyncEngine, session: Session) -> None:
    await add(engine, session, disabled_at=session.created_at)
    assert not await Operators(engine, [LISTED]).include(session)


async def test_only_the_session_of_a_browser_counts(engine: AsyncEngine, session: Session) -> None:
    """A back end with the right `users` can begin a bearer session of anybody."""
    await add(engine, session)
    for kind in ("bearer", "app"):
        other = replace(session, kind=kind)  # type: ignore[arg-type]
        assert not await Operators(engine, [LISTED]).include(other)


async def test_without_the_setting_nobody_is_one(engine: AsyncEngine, session: Session) -> None:
    await add(engine, session, email="")
    assert not await Operators(engine, []).include(session)
