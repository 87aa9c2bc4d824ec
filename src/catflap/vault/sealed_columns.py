"""The columns with encrypted values, and the ids of the keys in use, found without decrypting.

An encrypted value begins with the id of its key, and indexes on these bytes let the distinct keys be read in
as many steps as there are keys. So the check is cheap, however many grants there are.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import OperatorMustAct, Tampered
from catflap.store.vault_tables import google_tokens, webhooks
from catflap.vault.encryption import AssociatedData, TokenCipher, key_id, key_prefix

SEALED: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (google_tokens, ("refresh_token", "access_token")),
    (webhooks, ("secret",)),
)
# One value may have been changed by hand; a key that decrypts none of several is a different key.
_SAMPLE = 5

_KEYS = """
WITH RECURSIVE keys (prefix) AS (
    (SELECT substr({column}, 1, 5) FROM vault.{table} WHERE {column} IS NOT NULL
     ORDER BY substr({column}, 1, 5) LIMIT 1)
    UNION ALL
    SELECT (SELECT substr({column}, 1, 5) FROM vault.{table} WHERE substr({column}, 1, 5) > keys.prefix
            ORDER BY substr({column}, 1, 5) LIMIT 1)
    FROM keys WHERE keys.prefix IS NOT NULL
)
SELECT prefix FROM keys WHERE prefix IS NOT NULL
"""


@dataclass(frozen=True)
class SealedColumn:
    """One column with encrypted values."""

    table: Table
    name: str

    @property
    def column(self) -> Column[Any]:
        """The column of the table."""
        return self.table.c[self.name]

    @property
    def prefix(self) -> ColumnElement[bytes]:
        """The first bytes of a value, which name its key."""
        # Literals, as in the definition of the index.
        return func.substr(self.column, literal_column("1"), literal_column("5"))

    def associated_data(self, row: dict[str, Any]) -> AssociatedData:
        """Return the associated data of a value; `row` has `id`, and `user_id` if the table has it."""
        return AssociatedData(row["id"], row.get("user_id", 0), self.name, self.table.name)


COLUMNS = tuple(SealedColumn(table, name) for table, names in SEALED for name in names)


async def keys_in_use(engine: AsyncEngine) -> set[int]:
    """Return the ids of all keys that values in the database are encrypted with."""
    async with engine.connect() as connection:
        return await keys_in_transaction(connection)


async def keys_in_transaction(connection: AsyncConnection) -> set[int]:
    """Return the same as `keys_in_use`, as this transaction sees it."""
    found: set[int] = set()
    for one in COLUMNS:
        # Names of our own tables; there are no parameters.
        query = text(_KEYS.format(column=one.name, table=one.table.name))
        found |= {key_id(prefix) for prefix in (await connection.execute(query)).scalars()}
    return found


async def missing_keys(engine: AsyncEngine, cipher: TokenCipher) -> set[int]:
    """Return the ids of keys in use that our keyset lacks; a change is logged."""
    missing = await keys_in_use(engine) - set(cipher.keyset.ids)
    if missing:
        cipher.log_missing_keys(missing)
    else:
        cipher.log_keys_complete()
    return missing


async def check_ready(engine: AsyncEngine, cipher: TokenCipher) -> None:
    """Check that the keyset has every key in use.

    Raises:
        OperatorMustAct: `keyset_lacks_key`.
    """
    if missing := await missing_keys(engine, cipher):
        raise OperatorMustAct(
            "keyset_lacks_key",
            "The database holds values encrypted with keys that this server's keyset lacks "
            f"({', '.join(map(str, sorted(missing)))}); its operator must restore the vault's keyset.",
            logged=True,
        )


async def foreign_keys(engine: AsyncEngine, cipher: TokenCipher) -> set[int]:
    """Return the ids of keys in use that our keyset lacks, or has with other key material."""
    async with engine.connect() as connection:
        return await foreign_keys_in_transaction(connection, cipher)


async def foreign_keys_in_transaction(connection: AsyncConnection, cipher: TokenCipher) -> set[int]:
    """Return the same as `foreign_keys`, as this transaction sees it."""
    used, ours = await keys_in_transaction(connection), set(cipher.keyset.ids)
    return {key for key in used if key not in ours or not await _decrypts_any(connection, cipher, key)}


async def _decrypts_any(connection: AsyncConnection, cipher: TokenCipher, key: int) -> bool:
    for one in COLUMNS:
        query = select(one.table).where(one.prefix == key_prefix(key)).limit(_SAMPLE)
        for row in (await connection.execute(query)).mappings():
            try:
                cipher.decrypt(row[one.name], one.associated_data(dict(row)))
            except (Tampered, OperatorMustAct):
                continue
            return True
    return False
