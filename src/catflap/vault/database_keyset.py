"""Load the keyset of a database, and check that it decrypts what the database holds.

A new keyset is created only for a database without encrypted values. Otherwise a lost keyset would be noticed
only at the first refresh, and the database would collect values of two keysets.
"""

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import OperatorMustAct
from catflap.vault.encryption import TokenCipher, key_prefix
from catflap.vault.keyset import RECOVERY_HINT, Keyset, KeysetFile, KeysetSource
from catflap.vault.sealed_columns import COLUMNS, foreign_keys, keys_in_use


async def open_cipher(source: KeysetSource, engine: AsyncEngine) -> TokenCipher:
    """Return the cipher with the keyset of this database.

    Raises:
        OperatorMustAct: `keyset_missing` or `keyset_lacks_key`: the database holds sealed values that the
            keyset can't open; also `keyset_unreadable`.
    """
    await make_if_new(source, engine)
    cipher = TokenCipher(Keyset(source))
    if foreign := await foreign_keys(engine, cipher):
        raise OperatorMustAct(
            "keyset_lacks_key",
            f"The vault's keyset lacks the keys of {await _count(engine, foreign)} stored values "
            f"(key {', '.join(map(str, sorted(foreign)))}). {RECOVERY_HINT}",
        )
    return cipher


async def make_if_new(source: KeysetSource, engine: AsyncEngine) -> None:
    """Create the keyset of a database that holds no encrypted values yet.

    Raises:
        OperatorMustAct: `keyset_missing`.
    """
    if not isinstance(source, KeysetFile) or source.exists():
        return
    if keys := await keys_in_use(engine):
        raise OperatorMustAct(
            "keyset_missing",
            f"There is no keyset at {source.file}, but the database holds {await _count(engine, keys)} "
            f"sealed values. {RECOVERY_HINT}",
        )
    source.make()


async def _count(engine: AsyncEngine, keys: set[int]) -> int:
    async with engine.connect() as connection:
        return sum([await _count_in(connection, number, keys) for number in range(len(COLUMNS))])


async def _count_in(connection: AsyncConnection, number: int, keys: set[int]) -> int:
    column = COLUMNS[number]
    theirs = or_(*(column.prefix == key_prefix(key) for key in keys))
    return await connection.scalar(select(func.count()).select_from(column.table).where(theirs)) or 0
