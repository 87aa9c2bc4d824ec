"""Other back ends write events with an API key of the right `events`; each write is in the audit log."""

import logging
from typing import Any

import pytest
from structlog.testing import capture_logs

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import BOB, CALENDAR, RunningApp, running_app
from tests.support.events import ID, Writer, event, writer

pytestmark = pytest.mark.slow  # starts an application for each test


FAULTS: list[dict[str, Any]] = [{"status": 400}, {"status": 503}, {"garbage": True}, {"drop": "after"}]


async def shop(app: RunningApp, *rights: str, **more: Any) -> Writer:
    """The back end of a shop that writes to Alice's calendar."""
    scopes = more.pop("granted", None)
    alice = await (writer(app) if scopes is None else writer(app, scopes))
    headers = await app.api_key(*(rights or ("events",)), **more)
    return Writer(app, alice.user_id, headers, calendars=f"/v1/users/{alice.user_id}/calendars")


async def entries(app: RunningApp) -> list[tuple[str, str | None, int | None]]:
    await app.catflap.services.audit.write()
    found = await app.catflap.services.audit.read()
    return [(one.outcome, one.detail, one.user_id) for one in reversed(found) if one.action == "events"]


async def test_a_back_end_inserts_changes_and_deletes_and_is_audited(app: RunningApp) -> None:
    there = await shop(app)
    assert (await there.insert()).status_code == 201
    assert (await there.insert()).status_code == 200
    assert (await there.insert(event(title="Barber"))).status_code == 409
    assert (await there.change({"title": "Doctor"})).status_code == 200
    assert there.at_google()[0]["summary"] == "Doctor"
    assert (await there.delete()).status_code == 204
    assert await entries(app) == [
        ("ok", f"insert {ID}", there.user_id),
        ("ok", f"insert {ID}", there.user_id),
        ("event_exists", f"insert {ID}", there.user_id),
        ("ok", f"change {ID}", there.user_id),
        ("ok", f"delete {ID}", there.user_id),
    ]


async def test_a_key_needs_the_right_the_user_and_the_scope(app: RunningApp) -> None:
    for refused in (
        await shop(app, "tokens", "proxy", "users"),
        await shop(app, user_ids=[10**6]),
        await shop(app, scopes=["calendar"]),
    ):
        for answer in (await refused.insert(), await refused.change({"title": "x"}), await refused.delete()):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    allowed = await shop(app, scopes=["calendar.events"])
    assert (await allowed.insert()).status_code == 201


async def test_without_a_key_nobody_writes(app: RunningApp) -> None:
    there = await shop(app)
    alice = await writer(app)
    for headers in ({}, alice.headers):
        there.headers = headers
        assert (await there.insert()).status_code == 401


async def test_a_user_who_has_to_consent_is_named_with_the_consent(app: RunningApp) -> None:
    there = await shop(app, granted=("openid", "email", *CALENDAR))
    answer = (await there.insert()).json()
    sub = app.sandbox.account(there.email).sub
    assert (answer["code"], answer["consent"]["account"]) == ("scope_missing", sub)
    assert answer["consent"]["purpose"] == "add_scopes" and "calendar.events" in answer["consent"]["scopes"]
    assert answer["consent"]["create"].endswith(f"/v1/users/{there.user_id}/consents")
    nobody = Writer(app, 0, there.headers, calendars="/v1/users/999999/calendars")
    found = (await nobody.insert()).json()
    assert (found["code"], found["consent"]["purpose"]) == ("not_found", "link")


async def test_one_of_two_accounts_is_chosen(app: RunningApp) -> None:
    there = await shop(app)
    bob = await writer(app, email=BOB)
    there.calendars = f"/v1/users/{bob.user_id}/calendars"
    sub = app.sandbox.account(BOB).sub
    assert (await there.insert(account=sub)).status_code == 201
    assert len(bob.at_google()) == 1 and there.at_google() == []
    assert (await there.insert(account="1")).json()["code"] == "not_found"


async def test_where_calendars_are_switched_off_only_back_ends_write_and_nothing_is_synced(
    database_urls: Urls, clock: FixedClock, tmp_path: Any
) -> None:
    async with running_app(database_urls, clock, tmp_path, calendars=False) as app:
        there, alice = await shop(app), await writer(app)
        assert (await there.insert()).status_code == 201
        assert (await alice.insert()).status_code == 404
        assert await there.syncs() == 0


async def test_titles_places_and_descriptions_are_found_nowhere(
    app: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fields = {"title": "canary-title", "place": "canary-place", "description": "canary-description"}
    body, alice, there = event(**fields, attendees=["canary@example.com"]), await writer(app), await shop(app)
    answers = []
    with capture_logs() as logged:
        for caller in (alice, there):
            await caller.insert(body)
            answers += [
                await caller.insert(event(title="canary-title")),
                await caller.insert({**body, "end": {"date": "2026-12-01"}}),
                await caller.insert({**body, "canary": 1}),
                await caller.insert({**body, "recurrence": ["canary"]}),
                await caller.insert({**body, "title": ["canary-title"]}),
                await caller.insert(body, calendar="canary"),
            ]
            await caller.change({**fields, "title": "canary-changed"})
            for fault in FAULTS:
                app.sandbox.fault("calendar.events.patch", times=1, **fault)
                answers.append(await caller.change(fields))
            await caller.delete()
            answers.append(await caller.insert(body))
    await app.catflap.services.audit.write()
    assert all(answer.status_code >= 400 for answer in answers)
    own = [one.getMessage() for one in caplog.records if not one.name.startswith("httpcore2")]
    sinks = {
        "log": str(logged) + "\n".join(own).replace("calendars/canary/", ""),
        "answers": "\n".join(answer.text + str(answer.headers) for answer in answers),
        "addresses": str([(one["path"], one["query"]) for one in app.sandbox.requests()]),
        "database": await app.dump(),
    }
    assert "event_written" in sinks["log"] and ID in sinks["database"]
    for name, text in sinks.items():
        assert "canary" not in text, name
