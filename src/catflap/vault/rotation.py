"""Rotate the encryption key while tokens are served: add a key, re-encrypt everything, retire the old one.

The remaining work is read from the keyset and the rows, so an interrupted rotation loses nothing and the
next one continues where it ended.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Table, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.errors import BadRequest, OperatorMustAct, TryAgain
from catflap.vault.encryption import TokenCipher, key_id, key_prefix
from catflap.vault.failpoint import failpoint
from catflap.vault.keyset import KeysetFile, only_primary, with_new_primary
from catflap.vault.sealed_columns import COLUMNS, SEALED, SealedColumn

_BATCH = 200
_LOCK = 0x0CA7F1A8
# Longer than any transaction takes from encrypting a value to its commit.
_GRACE = timedelta(seconds=5)


@dataclass(frozen=True)
class Progress:
    """Progress of a rotation: values re-encrypted, of how many."""

    done: int
    total: int


class Rotation:
    """Rotates the keys of one vault."""

    def __init__(self, engine: AsyncEngine, cipher: TokenCipher, *, grace: timedelta = _GRACE) -> None:
        self._engine = engine
        self._cipher = cipher
        self._grace = grace

    async def used(self) -> dict[int, int]:
        """Return how many values are encrypted with each key, by key id; unused keys have 0."""
        counts = Counter(dict.fromkeys(self._cipher.keyset.ids, 0))
        async with self._engine.connect() as connection:
            for one in COLUMNS:
                query = select(one.prefix, func.count()).where(one.column.is_not(None)).group_by(one.prefix)
                for found, count in await connection.execute(query):
                    counts[key_id(found)] += count
        return dict(counts)

    async def rotate(self, report: Callable[[Progress], None] = lambda _: None) -> int:
        """Add a key (unless an interrupted rotation did), re-encrypt everything with it, retire the others.

        Returns:
            How many values were re-encrypted.

        Raises:
            OperatorMustAct: `keyset_in_environment`: only its owner can change it.
            TryAgain: `rotation_runs`: another rotation is running.
        """
        source = self._cipher.keyset.source
        if not isinstance(source, KeysetFile):
            raise OperatorMustAct(
                "keyset_in_environment",
                "CATFLAP_VAULT_KEYSET holds the keyset, so only you can change it: `catflap keys add` prints "
                "it with a new key; restart with that, then `catflap keys reseal` and `catflap keys retire`.",
            )
        async with self._engine.connect() as connection:
            if not await connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):
                raise TryAgain("rotation_runs", "Another rotation is running.")
            try:
                await connection.commit()
                return await self._rotate(source, report)
            finally:
                await connection.execute(select(func.pg_advisory_unlock(_LOCK)))

    async def reseal(self, report: Callable[[Progress], None] = lambda _: None) -> int:
        """Re-encrypt the values of older keys with the primary key; return how many there were."""
        total = sum(n for key, n in (await self.used()).items() if key != self._cipher.keyset.primary)
        done = 0
        report(Progress(0, total))
        for table, names in SEALED:
            while moved := await self._batch(table, names):
                done += moved
                failpoint("rotate.batch")
                report(Progress(done, max(total, done)))
        return done

    async def check_retired(self) -> None:
        """Check that no value is encrypted with another key than the primary one.

        Raises:
            BadRequest: `keys_in_use`.
        """
        used = await self.used()
        if any(n for key, n in used.items() if key != self._cipher.keyset.primary):
            raise BadRequest("keys_in_use", "Some values are still encrypted with older keys; reseal first.")

    async def _rotate(self, source: KeysetFile, report: Callable[[Progress], None]) -> int:
        if len(self._cipher.keyset.ids) == 1:
            source.write(with_new_primary(source.read()))
        failpoint("rotate.added")
        done = await self.reseal(report)
        failpoint("rotate.resealed")
        # Another transaction may have used the old key just before it was replaced, and commit now.
        while True:
            await asyncio.sleep(self._grace.total_seconds())
            late = await self.reseal()
            if not late:
                break
            done += late
        await self.check_retired()
        failpoint("rotate.retire")
        source.write(only_primary(source.read()))
        failpoint("rotate.end")
        return done

    async def _batch(self, table: Table, names: tuple[str, ...]) -> int:
        prefix = key_prefix(self._cipher.keyset.primary)
        old = or_(
            *(and_(table.c[name].is_not(None), func.substr(table.c[name], 1, 5) != prefix) for name in names)
        )
        query = select(table).where(old).order_by(table.c.id).limit(_BATCH).with_for_update()
        moved = 0
        async with self._engine.begin() as connection:
            for row in (await connection.execute(query)).mappings():
                moved += await self._reseal_row(connection, table, names, dict(row), prefix)
        return moved

    async def _reseal_row(
        self,
        connection: AsyncConnection,
        table: Table,
        names: tuple[str, ...],
        row: dict[str, object],
        prefix: bytes,
    ) -> int:
        changes: dict[str, bytes] = {}
        for name in names:
            value = row[name]
            if isinstance(value, bytes) and not value.startswith(prefix):
                associated_data = SealedColumn(table, name).associated_data(row)
                changes[name] = self._cipher.encrypt(
                    self._cipher.decrypt(value, associated_data), associated_data
                )
        # The version stays: the plaintext did not change, so a running refresh stays valid.
        await connection.execute(update(table).where(table.c.id == row["id"]).values(changes))
        return len(changes)
