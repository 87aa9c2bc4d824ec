"""Backups of a database, and databases of backups."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.errors import BadRequest, OperatorMustAct, TryAgain
from catflap.store.archive import load
from catflap.store.archive.dump import LEFT_OUT, snapshot
from catflap.store.archive.load import open_target
from catflap.store.archive.manifest import FORMAT, Archive, open_archive
from catflap.store.database import Urls, asyncpg_options
from catflap.store.migrate import create_database, require_migrated
from catflap.store.vault_tables import google_tokens

SUPPORT = Path(__file__).parents[1] / "support"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROWS = """
INSERT INTO app.users (created_at, plan_due_at) SELECT now(), now() FROM generate_series(1, 3);
DELETE FROM app.users WHERE id = 3;
INSERT INTO app.accounts (sub, user_id, email, email_verified, is_primary, created_at, updated_at)
  VALUES ('1', 1, 'a@example.com', true, true, now(), now());
INSERT INTO app.calendars
  (user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, sync_due_at)
  VALUES (1, '1', 'c', E'Mine\\t\\\\N\\n"猫"', 'Asia/Tokyo', true, true, '2030-01-01Z');
INSERT INTO app.events (calendar_id, generation, google_id, recurs, resource) VALUES (1, 0, 'e', false, '{}');
INSERT INTO app.push_channels
  (id, user_id, account_sub, calendar_id, is_list, address, token_hash, created_at, expires_at)
  VALUES ('p', 1, '1', 1, false, 'https://former.example.com', '\\x01', now(), now());
INSERT INTO app.sessions (user_id, kind, token_hash, created_at, last_used_at, expires_at)
  VALUES (1, 'browser', '\\x01', now(), now(), now());
INSERT INTO app.devices (user_id, name, model, token_hash, volume, schedule_version, created_at)
  VALUES (1, 'Mia', 'robot', '\\x02', 60, 7, now());
INSERT INTO app.devices (user_id, name, model, token_hash, volume, schedule_version, created_at, session_id)
  VALUES (1, 'Tab', 'browser', '\\x03', 60, 7, now(), 1);
UPDATE app.device_members SET says_name = true;
INSERT INTO vault.google_tokens
  (user_id, account_sub, client_id, scopes, state, version, failures,
   created_at, updated_at, lease_id, lease_until)
  VALUES (1, '1', 'c', '{}', 'active', 1, 0, now(), now(), 'l', now());
INSERT INTO vault.google_tokens
  (user_id, account_sub, client_id, scopes, state, version, failures,
   created_at, updated_at, supplements)
  VALUES (1, '1', 'c', '{}', 'active', 1, 0, now(), now(), 1);
"""
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
async def filled(database_urls: Urls) -> Urls:
    await _execute(database_urls, ROWS)
    return database_urls


async def test_everything_but_what_is_of_one_machine_comes_back(
    filled: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file = await _backed_up(filled, tmp_path)
    await _restore(file, fresh_database_urls, keep_sessions=True)
    before, after = await _tables(filled), await _tables(fresh_database_urls)
    with open_archive(file) as archive:
        kept = {table.name for table in archive.manifest.tables}
    assert kept == before.keys() - LEFT_OUT and {*before, "app.schema_version"} >= LEFT_OUT
    same = kept - {"app.users", "app.calendars", "app.devices", "vault.google_tokens"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["app.push_channels"] == []
    assert after["app.calendars"][0]["summary"] == 'Mine\t\\N\n"猫"'


async def test_the_new_machine_begins_at_once_and_gives_no_number_twice(
    filled: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file = await _backed_up(filled, tmp_path)
    await _restore(file, fresh_database_urls)
    found = await _tables(fresh_database_urls)
    assert found["app.calendars"][0]["sync_due_at"] == NOW
    assert {row["plan_due_at"] for row in found["app.users"]} == {NOW}
    assert {row["lease_id"] for row in found["vault.google_tokens"]} == {None}
    # People sign in again, and the tabs of their sessions are gone with these. Devices go on.
    assert found["app.sessions"] == []
    assert [(row["name"], row["schedule_version"]) for row in found["app.devices"]] == [("Mia", 1_000_007)]
    assert [row["says_name"] for row in found["app.device_members"]] == [True]
    # The triggers are in force again; user 3 was deleted before the backup.
    await _execute(
        fresh_database_urls,
        "INSERT INTO app.users (created_at) VALUES (now());"
        "INSERT INTO app.events (calendar_id, generation, google_id, recurs, resource)"
        " VALUES (1, 0, 'f', false, '{}')",
    )
    found = await _tables(fresh_database_urls)
    assert [row["id"] for row in found["app.users"]] == [1, 2, 4]
    assert found["app.calendars"][0]["events_version"] == 2


async def test_a_backup_of_an_old_version_is_migrated(
    postgres: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    old = Urls(*(url.set(database="of_version_0016") for url in vars(postgres).values()))
    await create_database(old)
    try:
        # Only from 0026 on the role of the app may read the version.
        grant = 'GRANT SELECT ON app.schema_version TO "catflap_app"'
        await _execute(old, (SUPPORT / "schema_0016.sql").read_text() + grant)
        file = await _backed_up(old, tmp_path)
    finally:
        await _execute(postgres, "DROP DATABASE of_version_0016 WITH (FORCE)")
    with open_archive(file) as archive:
        assert archive.manifest.schema_version == "0016"
    await _restore(file, fresh_database_urls, keep_sessions=True)
    await require_migrated(fresh_database_urls)
    found = await _tables(fresh_database_urls)
    # Of migrations 0021 and 0024.
    assert found["app.sessions"][0]["user_agent"] is None
    assert all(row["introduced_at"] == row["created_at"] for row in found["app.users"])
    assert [row["dialect_ja"] for row in found["app.preferences"]] == ["kyoto"]


async def test_a_backup_is_of_one_moment_while_others_write(filled: Urls, tmp_path: Path) -> None:
    async with snapshot(filled) as dump:
        await _execute(filled, "DELETE FROM app.users")
        with (tmp_path / "b").open("wb") as file:
            manifest = await dump.write(file, NOW, [], lambda _: None)
    rows = {table.name: table.rows for table in manifest.tables}
    assert (rows["app.users"], rows["app.events"], rows["vault.google_tokens"]) == (2, 1, 2)


async def test_an_error_at_the_very_end_leaves_the_former_state(
    filled: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file = await _backed_up(filled, tmp_path)
    await _execute(
        fresh_database_urls, "INSERT INTO app.users (external_id, created_at) VALUES ('mine', now())"
    )

    async def fail(_: AsyncConnection) -> None:
        raise OperatorMustAct("keyset_lacks_key", "")

    with pytest.raises(OperatorMustAct):
        await _restore(file, fresh_database_urls, check=fail)
    assert [row["external_id"] for row in (await _tables(fresh_database_urls))["app.users"]] == ["mine"]


async def test_a_database_that_is_lost_during_a_restore_is_away(
    filled: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file = await _backed_up(filled, tmp_path)

    async def lose(connection: AsyncConnection) -> None:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        await _execute(fresh_database_urls, f"SELECT pg_terminate_backend({pid}, 5000)")

    with pytest.raises(TryAgain, match="database_unavailable"):
        await _restore(file, fresh_database_urls, check=lose)
    assert (await _tables(fresh_database_urls))["app.users"] == []


async def test_schemas_of_another_program_are_not_dropped_but_empty_ones_are(
    filled: Urls, fresh_database_urls: Urls, tmp_path: Path
) -> None:
    file = await _backed_up(filled, tmp_path)
    await _execute(
        fresh_database_urls,
        "DROP SCHEMA app, vault, queue CASCADE; CREATE SCHEMA app; CREATE SCHEMA queue;"
        " CREATE TABLE queue.precious (one int)",
    )
    with pytest.raises(OperatorMustAct, match="schemas_taken"):
        await _restore(file, fresh_database_urls)
    # As a first migration leaves them that was interrupted.
    await _execute(fresh_database_urls, "DROP TABLE queue.precious")
    await _restore(file, fresh_database_urls)


async def test_a_process_that_is_just_ending_is_waited_for(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = await asyncpg.connect(**asyncpg_options(database_urls.app))

    async def end(seconds: float) -> None:
        await ending.close()
        await asyncio.sleep(seconds)

    monkeypatch.setattr(load, "asyncio", SimpleNamespace(sleep=end))
    async with open_target(database_urls) as target:
        assert await target.users() == 0
    assert ending.is_closed()


async def test_a_database_that_is_lost_during_a_backup_is_told_from_a_disk(filled: Urls) -> None:
    with pytest.raises(TryAgain, match="database_unreachable"):
        async with snapshot(filled) as dump:
            await _execute(
                filled,
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename <> current_user",
            )
            await dump.write(io.BytesIO(), NOW, [], lambda _: None)


def _newer_format(manifest: dict[str, Any]) -> None:
    manifest["format"] = FORMAT + 1


def _newer_tables(manifest: dict[str, Any]) -> None:
    manifest["schema_version"] = "9999"


def _other_hash(manifest: dict[str, Any]) -> None:
    next(one for one in manifest["tables"] if one["name"] == "app.users")["sha256"] = "0" * 64


def _other_schema(manifest: dict[str, Any]) -> None:
    manifest["tables"][0]["name"] = "public.users"


def _statement_for_a_column(manifest: dict[str, Any]) -> None:
    manifest["tables"][0]["columns"] = ["id\") FROM PROGRAM 'id' --"]


def _statement_for_a_counter(manifest: dict[str, Any]) -> None:
    manifest["tables"][0]["counters"] = {"id'), pg_read_file('PG_VERSION'), ('": 1}


def _words_for_a_number(manifest: dict[str, Any]) -> None:
    manifest["tables"][0]["size"] = "many"


def _endless(manifest: dict[str, Any]) -> None:
    manifest["made_by"] = " " * 10_000_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_statement_for_a_column, "backup_damaged"),
        (_statement_for_a_counter, "backup_damaged"),
        (_words_for_a_number, "backup_damaged"),
        (_endless, "backup_damaged"),
        (_newer_format, "backup_newer"),
        (_newer_tables, "backup_newer"),
        (_other_hash, "backup_damaged"),
        (_other_schema, "backup_damaged"),
        (dict.clear, "backup_damaged"),
    ],
)
async def test_a_backup_that_is_newer_or_not_as_it_was_written_is_refused(
    filled: Urls, tmp_path: Path, change: Change, code: str
) -> None:
    file = await _backed_up(filled, tmp_path)
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(BadRequest) as refused, open_archive(file) as opened:
        opened.verify(lambda _: None)
    assert refused.value.code == code


async def test_no_flipped_byte_passes(filled: Urls, tmp_path: Path) -> None:
    content = (await _backed_up(filled, tmp_path)).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = [one for one in archive.infolist() if one.file_size]
    for one in rows:
        damaged = bytearray(content)
        damaged[one.header_offset + 60 + one.compress_size // 2] ^= 0x40
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(BadRequest) as refused, open_archive(tmp_path / "damaged") as opened:
            opened.verify(lambda _: None)
        assert refused.value.code in ("backup_damaged", "backup_newer")


async def test_whatever_bit_of_the_directory_is_flipped_the_backup_is_read_or_damaged(
    filled: Urls, tmp_path: Path
) -> None:
    content = (await _backed_up(filled, tmp_path)).read_bytes()
    first = content.index(b"PK\x01\x02")
    found = set()
    for place in range(first, first + 46):
        # Among others: encrypted, packed by LZMA or by what is unknown, of a newer format of ZIP.
        for flipped in (0x01, 0x06, 0x40):
            damaged = bytearray(content)
            damaged[place] ^= flipped
            (tmp_path / "damaged").write_bytes(damaged)
            found.add(_verified(tmp_path / "damaged"))
    assert found == {"read", "backup_damaged"}


def _verified(file: Path) -> str:
    try:
        with open_archive(file) as opened:
            opened.verify(lambda _: None)
    except BadRequest as refused:
        return refused.code
    return "read"


async def _backed_up(urls: Urls, folder: Path) -> Path:
    file = folder / "backup"
    async with snapshot(urls) as dump:
        with file.open("wb") as handle:
            await dump.write(handle, NOW, [], lambda _: None)
    return file


async def _accept(_: AsyncConnection) -> None:
    return


async def _restore(file: Path, urls: Urls, *, check: Any = _accept, keep_sessions: bool = False) -> None:
    async with _opened(file, urls) as (archive, target):
        await target.restore(archive, NOW, check, lambda _: None, keep_sessions=keep_sessions)


@asynccontextmanager
async def _opened(file: Path, urls: Urls) -> AsyncIterator[tuple[Archive, Any]]:
    with open_archive(file) as archive:
        async with open_target(urls) as target:
            yield archive, target


async def _tables(urls: Urls) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    try:
        found = {}
        for table in google_tokens.metadata.tables.values():
            key = ", ".join(column.name for column in table.primary_key)
            rows = await connection.fetch(f"SELECT * FROM {table.fullname} ORDER BY {key}")
            found[table.fullname] = [dict(row) for row in rows]
        return found
    finally:
        await connection.close()


async def _execute(urls: Urls, statements: str) -> None:
    connection = await asyncpg.connect(**asyncpg_options(urls.owner))
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
