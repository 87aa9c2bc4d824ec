"""Schedule documents of devices: the announcements of the coming 24 hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Text,
    any_,
    bindparam,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.announcements.planning import HORIZON
from catflap.clock import Clock, rfc3339
from catflap.devices.devices import authorized
from catflap.devices.scheduled_announcements import ScheduledAnnouncements
from catflap.store.coalesced_calls import CoalescedCalls
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_alone
from catflap.store.tables import announcements as a
from catflap.store.tables import devices, sounds, users
from catflap.store.tables import encoded_sounds as encoded

_PENDING_STATES = ["planned", "ready", "sent"]
_NOW = cast(datetime, bindparam("now", type_=DateTime(timezone=True)))
_IDS = any_(bindparam("ids", type_=ARRAY(BigInteger)))


def is_muted_by_member() -> ColumnElement[bool]:
    """Return the condition that a member who is not the owner has muted what is theirs; others are heard."""
    u = users.alias("members").c
    lasts = u.muted_at <= a.c.play_at, a.c.play_at < u.muted_until
    return exists().where(u.id == a.c.user_id, u.id != devices.c.user_id, *lasts)


_DEVICES = PreparedQuery(
    select(
        devices.c.id,
        devices.c.schedule_version,
        devices.c.token_hash,
        devices.c.volume,
        devices.c.muted_until,
        users.c.muted_until.label("all_muted_until"),
    )
    .join(users, users.c.id == devices.c.user_id)
    .where(devices.c.id == _IDS, authorized(_NOW))
)
_ANNOUNCEMENTS = PreparedQuery(
    select(
        *(a.c.id, a.c.device_id, a.c.play_at, a.c.expires_at, a.c.kind, a.c.display),
        sounds.c.seconds,
        encoded.c.audio,
        func.coalesce(encoded.c.sha256, sounds.c.sha256).label("sha256"),
        func.coalesce(encoded.c.bytes, sounds.c.bytes).label("bytes"),
    )
    .join(devices, devices.c.id == a.c.device_id)
    .outerjoin(sounds, sounds.c.key == a.c.sound_key)
    .outerjoin(encoded, (encoded.c.key == a.c.sound_key) & (encoded.c.audio == devices.c.audio))
    .where(a.c.device_id == _IDS, a.c.state == any_(literal(_PENDING_STATES, ARRAY(Text))))
    .where(~is_muted_by_member())
    .where(a.c.expires_at > _NOW, a.c.play_at < bindparam("until", type_=DateTime(timezone=True)))
    .order_by(a.c.play_at, a.c.id)
)


@dataclass(frozen=True)
class Schedule:
    """The schedule of a device. `document` is None when the reader has this version."""

    version: int
    token_hash: bytes
    document: dict[str, Any] | None


class Schedules:
    """Service that builds schedule documents, those that are asked for at the same time together."""

    def __init__(self, engine: AsyncEngine, clock: Clock, announcements: ScheduledAnnouncements) -> None:
        self._engine = engine
        self._clock = clock
        self._announcements = announcements
        self._documents = CoalescedCalls(self._read_all)

    async def document(self, device_id: int) -> dict[str, Any] | None:
        """Return the current document; None if the device was deleted or its session has ended."""
        found = await self._documents.get(device_id)
        return None if found is None else found.document

    async def read(self, known: Mapping[int, int]) -> dict[int, Schedule]:
        """Return the schedules of devices; of those deleted, or whose session has ended, none.

        Args:
            known: The devices, each with the version of the document that the reader has; -1 without one.
        """
        now = self._clock.now()
        found = await fetch_alone(self._engine, _DEVICES, ids=list(known), now=now)
        rows: dict[int, list[dict[str, Any]]] = {
            row["id"]: [] for row in found if row["schedule_version"] != known[row["id"]]
        }
        if rows:
            for row in await fetch_alone(
                self._engine, _ANNOUNCEMENTS, ids=list(rows), now=now, until=now + HORIZON
            ):
                rows[row["device_id"]].append(self._announcements.resource(row))
        return {
            row["id"]: Schedule(
                row["schedule_version"],
                row["token_hash"],
                self._document(row, rows[row["id"]]) if row["id"] in rows else None,
            )
            for row in found
        }

    async def _read_all(self, ids: list[int]) -> dict[int, Schedule]:
        return await self.read(dict.fromkeys(ids, -1))

    def _document(self, device: Columns, announcements: list[dict[str, Any]]) -> dict[str, Any]:
        now, all_until = self._clock.now(), device["all_muted_until"]
        ends = [device["muted_until"], all_until if all_until and all_until > now else None]
        muted_until = max(filter(None, ends), default=None)
        return {
            "version": device["schedule_version"],
            "now": rfc3339(now, "milliseconds"),
            "volume": device["volume"],
            "muted_until": rfc3339(muted_until) if muted_until else None,
            "announcements": announcements,
        }
