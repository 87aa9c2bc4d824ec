"""Storage of the reading dictionary: how words of titles are spoken, by user."""

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import BadRequest
from catflap.speech import MAX_READING, MAX_WORD, normalise_reading, normalise_word, word_identity
from catflap.store.planning_tables import readings as t
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.tables import users

MAX_READINGS = 200
_READINGS = PreparedQuery(
    select(t.c.word, t.c.reading).where(t.c.user_id == bindparam("user_id")).order_by(t.c.word)
)


async def load_readings(source: AsyncEngine | AsyncConnection, user_id: int) -> dict[str, str]:
    """Return the readings of a user by word, sorted."""
    if isinstance(source, AsyncEngine):
        rows = await fetch_alone(source, _READINGS, user_id=user_id)
    else:
        rows = await fetch_within(source, _READINGS, user_id=user_id)
    return {row["word"]: row["reading"] for row in rows}


async def replace_readings(
    connection: AsyncConnection, user_id: int, entries: Iterable[tuple[str, str]]
) -> bool:
    """Store these entries as the whole dictionary, and return whether that changed it.

    Raises:
        BadRequest: `readings_invalid`; also for a word that is among them twice.
    """
    wanted: dict[str, tuple[str, str]] = {}
    for word, reading in entries:
        entry = checked_entry(word, reading)
        if wanted.setdefault(word_identity(word), entry) is not entry:
            raise _invalid("A word can be in the dictionary once, in upper or lower case.")
    before = await _lock_and_read(connection, user_id)
    return await _store(connection, user_id, before, dict(wanted.values()))


async def change_readings(
    connection: AsyncConnection, user_id: int, changes: Iterable[tuple[str, str | None]]
) -> bool:
    """Set the readings of words, one after the other, and return whether that changed the dictionary.

    Args:
        connection: A transaction.
        user_id: Whose dictionary it is.
        changes: Words with their new reading; None removes a word, if it is there.

    Raises:
        BadRequest: `readings_invalid`.
    """
    before = await _lock_and_read(connection, user_id)
    wanted = {word_identity(word): (word, reading) for word, reading in before.items()}
    for word, reading in changes:
        identity = word_identity(word)
        wanted.pop(identity, None)
        if reading is not None:
            wanted[identity] = checked_entry(word, reading)
    return await _store(connection, user_id, before, dict(wanted.values()))


def checked_entry(word: str, reading: str) -> tuple[str, str]:
    """Return a word and its reading as they are stored.

    Raises:
        BadRequest: `readings_invalid`. The message does not repeat them.
    """
    entry = normalise_word(word), normalise_reading(reading)
    if not entry[0]:
        raise _invalid(f"A word has 1 to {MAX_WORD} characters, without brackets and control characters.")
    if not entry[1]:
        raise _invalid(
            f"A reading has 1 to {MAX_READING} characters, without brackets and control characters,"
            " and at least a letter or a number."
        )
    return entry


async def _lock_and_read(connection: AsyncConnection, user_id: int) -> dict[str, str]:
    # Two changes at a time could make it too long, or store one word twice.
    await connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))
    rows = await connection.execute(select(t.c.word, t.c.reading).where(t.c.user_id == user_id))
    return {row.word: row.reading for row in rows}


async def _store(
    connection: AsyncConnection, user_id: int, before: Mapping[str, str], wanted: Mapping[str, str]
) -> bool:
    if len(wanted) > MAX_READINGS:
        raise _invalid(f"At most {MAX_READINGS} words.")
    changed = [word for word in before if wanted.get(word) != before[word]]
    new = [
        {"user_id": user_id, "word": word, "reading": reading}
        for word, reading in wanted.items()
        if before.get(word) != reading
    ]
    if changed:
        await connection.execute(delete(t).where(t.c.user_id == user_id, t.c.word.in_(changed)))
    if new:
        await connection.execute(insert(t).values(new))
    return bool(changed or new)


def _invalid(message: str) -> BadRequest:
    return BadRequest("readings_invalid", message)
