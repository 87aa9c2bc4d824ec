"""NOTIFY wakes watchers, also after the connection was lost."""

import asyncio
import os
import signal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catflap.store import notify
from catflap.store.database import Urls
from catflap.store.notify import NotificationListener, announce_change


async def test_a_notice_wakes_only_those_who_watch_its_topic(
    engine: AsyncEngine, database_urls: Urls
) -> None:
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch("device:1") as one, notifications.watch("device:2") as two:
            async with engine.begin() as connection:
                await announce_change(connection, "device:1")
            async with asyncio.timeout(10):
                await one.wait()
            assert not two.is_set()


async def test_changes_of_all_topics_with_a_prefix_are_collected_until_they_are_taken(
    engine: AsyncEngine, database_urls: Urls
) -> None:
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch_prefix("device:") as changes, notifications.watch("end") as end:
            assert changes.event.is_set() and changes.take() is None
            async with engine.begin() as connection:
                for topic in ("device:1", "grant:2", "device:3", "end"):
                    await announce_change(connection, topic)
            async with asyncio.timeout(10):
                await end.wait()
            assert changes.take() == {"device:1", "device:3"}
            assert not changes.event.is_set() and changes.take() == set()


async def test_after_a_lost_connection_every_watcher_looks_again(database_urls: Urls) -> None:
    owner = create_async_engine(database_urls.owner)
    async with NotificationListener(database_urls.app) as notifications:
        with notifications.watch("device:1") as event, notifications.watch_prefix("device:") as changes:
            changes.take()
            async with owner.begin() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE usename = 'catflap_app' AND datname = current_database()"
                    )
                )
            async with asyncio.timeout(10):
                await event.wait()
                await changes.event.wait()
            assert changes.take() is None
    await owner.dispose()


async def test_a_connection_that_is_dead_without_a_sign_is_replaced(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_CHECK_SECONDS", 0.2)
    owner = create_async_engine(database_urls.owner)
    async with NotificationListener(database_urls.app) as notifications:
        async with owner.connect() as connection:
            listening = (
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'"
                " AND usename = 'catflap_app' AND datname = current_database()"
            )
            (pid,) = (await connection.scalars(text(listening))).all()
        with notifications.watch("device:1") as event:
            os.kill(pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(20):
                    await event.wait()
            finally:
                os.kill(pid, signal.SIGCONT)
    await owner.dispose()
