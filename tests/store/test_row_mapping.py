"""Dataclasses from database rows."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.store.row_mapping import from_row


@dataclass(frozen=True)
class Thing:
    id: int
    words: frozenset[str]
    _secret: str = field(repr=False)
    note: str = "none"


async def test_fields_come_from_columns_values_and_defaults(engine: AsyncEngine) -> None:
    query = select(literal(7).label("id"), literal("s3").label("secret"), literal("x").label("other"))
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one()
    assert from_row(Thing, row, words=frozenset("ab")) == Thing(7, frozenset("ab"), "s3")


async def test_a_field_that_comes_from_nowhere_is_an_error(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        row = (await connection.execute(select(literal(7).label("id")))).one()
    with pytest.raises(TypeError, match="words"):
        from_row(Thing, row, _secret="s3")
