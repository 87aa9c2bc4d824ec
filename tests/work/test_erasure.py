"""After a grant has ended, nothing that was read with it is left, and nothing of it is spoken."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from catflap.announcements.at_once import repeat_now
from catflap.announcements.reactions import find_announcement
from catflap.google.risc import RiscEvent, SecurityEvents
from catflap.store.task_types import AccountKey
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault import Grant, Grants
from catflap.vault.retention import delete_old
from catflap.work.erasure import Erasure
from catflap.work.periodic import PeriodicTasks
from catflap.work.retention import Retention
from tests.support.app_client import ALICE, BOB, Browser, RunningApp
from tests.support.jobs import lose_jobs, run_jobs

pytestmark = pytest.mark.slow  # starts an application for each test

TEA, CONCERT = "Zanzibar tea", "Bayreuth concert"


@dataclass
class Person:
    """Alice, who linked Bob's account to hers; an event of each is announced on her device."""

    app: RunningApp
    browser: Browser
    user_id: int
    device_id: int

    async def grant(self, email: str = BOB) -> Grant:
        sub = self.app.sandbox.account(email).sub
        found = await self.app.catflap.services.grants.exact(self.user_id, sub)
        assert found is not None
        return found

    def key(self, email: str = BOB) -> AccountKey:
        return AccountKey(self.user_id, self.app.sandbox.account(email).sub)

    async def spoken(self) -> str:
        """What the schedule of the device says."""
        document = await self.app.catflap.services.schedules.document(self.device_id)
        assert document is not None
        return " ".join(one["text"] for one in document["announcements"])

    async def stored(self) -> str:
        """All of the schema `app` as text."""
        tables = await self.app.rows(
            "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'app'"
        )
        rows = [await self.app.rows(f"SELECT t::text FROM app.{name} t") for (name,) in tables]
        return "\n".join(row[0] for table in rows for row in table)

    async def accept(self, event: RiscEvent) -> None:
        handler = self.app.catflap.services.security_event_handler
        await handler.accept(SecurityEvents("jti", (event,)))


def _insert(app: RunningApp, email: str, title: str, hours: float) -> None:
    start = app.clock.now() + timedelta(hours=hours)
    times = {"start": start, "end": start + timedelta(minutes=30)}
    moments: dict[str, Any] = {
        name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()
    }
    rule = {"recurrence": ["RRULE:FREQ=DAILY"]}
    app.sandbox.insert_event(email, {"summary": title, **moments, **rule})


@pytest.fixture
async def person(app: RunningApp) -> Person:
    # Of each some are over when the grant ends, and some are said together with one of the other.
    for email, title, hours in ((ALICE, CONCERT, (0.3, 0.5, 4, 6)), (BOB, TEA, (0.5, 3, 6))):
        for later in hours:
            _insert(app, email, title, later)
    browser = await app.browser()
    await browser.sign_in()
    await browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)
    user_id = (await browser.me())["user_id"]
    device, _ = await app.catflap.services.devices.add_browser(user_id, "Browser")
    await run_jobs(app)
    made = Person(app, browser, user_id, device.id)
    assert TEA in await made.spoken() and CONCERT in await made.spoken()
    app.clock.advance(timedelta(minutes=40))
    played = "UPDATE app.announcements SET state = 'played' WHERE expires_at < $1 RETURNING id, titles"
    rows = await app.rows(played, app.clock.now() + timedelta(minutes=5))
    assert TEA in str(rows) and CONCERT in str(rows)
    async with app.catflap.services.engine.begin() as connection:
        for row in rows:
            found = await find_announcement(connection, row["id"], user_id=user_id)
            await repeat_now(connection, found, app.clock.now())
    return made


async def _disconnect(person: Person, status: int = 204) -> None:
    grant = await person.grant()
    assert (await person.browser.send("DELETE", f"/v1/grants/{grant.id}")).status_code == status


async def _die_after_revoking(person: Person) -> None:
    """The process ends before it unlinks the account."""
    await person.app.catflap.services.vault.revoke(*person.key())


async def _revoke_all_tokens(person: Person) -> None:
    await person.accept(RiscEvent("tokens-revoked", person.key().account_sub))


async def _revoke_token(person: Person) -> None:
    token = person.app.catflap.services.grants.open_refresh_token(await person.grant())
    assert token is not None
    await person.accept(RiscEvent("token-revoked", algorithm="prefix", token=token[:16]))


async def _revoke_as_another_user(person: Person) -> None:
    """Bob himself signs in here too, and revokes; Google ends everything he allowed to this project."""
    bob = await person.app.browser(BOB)
    await bob.sign_in()
    await run_jobs(person.app)
    grant = (await bob.get("/v1/grants")).json()["grants"][0]
    assert (await bob.send("DELETE", f"/v1/grants/{grant['id']}")).status_code == 204
    assert (await bob.send("DELETE", "/v1/me")).status_code == 204


async def _revoke_while_google_is_away(person: Person) -> None:
    person.app.sandbox.fault("oauth.revoke", status=503)
    # Google is told later.
    await _disconnect(person, status=202)


async def _tick(app: RunningApp) -> None:
    engine = app.catflap.services.engine
    await PeriodicTasks(engine, app.clock, most_syncs=100).tick()
    await Retention(engine, app.clock).tick()


End = Callable[[Person], Awaitable[None]]
ENDS = [
    _disconnect,
    _die_after_revoking,
    _revoke_all_tokens,
    _revoke_token,
    _revoke_as_another_user,
    _revoke_while_google_is_away,
]


async def _check_erased(person: Person) -> None:
    assert TEA not in await person.stored()
    assert TEA not in await person.spoken() and CONCERT in await person.spoken()
    rows = await person.app.rows("SELECT titles, state FROM app.announcements WHERE state = 'played'")
    assert CONCERT in str(rows)
    left = (
        "SELECT account_sub FROM app.calendars UNION ALL SELECT account_sub FROM app.calendar_syncs"
        " UNION ALL SELECT account_sub FROM app.push_channels"
        " UNION ALL SELECT account_sub FROM app.removed_calendars"
    )
    assert {row[0] for row in await person.app.rows(left)} == {person.key(ALICE).account_sub}


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__.strip("_"))
async def test_nothing_of_a_grant_that_ended_is_stored_or_spoken(person: Person, end: End) -> None:
    await person.app.rows(_CHANNEL, *person.key(), person.app.clock.now())
    await person.app.rows(_REMOVED, *person.key(), person.app.clock.now(), TEA)
    await end(person)
    assert "erase" in await run_jobs(person.app)
    await _check_erased(person)


_CHANNEL = (
    "INSERT INTO app.push_channels (id, user_id, account_sub, is_list, token_hash, created_at, expires_at,"
    " address) VALUES ('channel', $1, $2, true, '', $3, $3, '')"
)
_REMOVED = (
    "INSERT INTO app.removed_calendars (user_id, account_sub, google_id, summary, removed_at)"
    " VALUES ($1, $2, 'club', $4, $3)"
)


async def test_when_the_job_was_lost_the_next_regular_sync_finds_out(person: Person) -> None:
    await _revoke_all_tokens(person)
    await run_jobs(person.app, but=("render", "erase"))
    await lose_jobs(person.app, "erase")
    assert TEA in await person.stored()
    person.app.clock.advance(timedelta(hours=1))
    await _tick(person.app)
    assert "erase" in await run_jobs(person.app)
    await _check_erased(person)


async def test_a_grant_that_needs_a_new_consent_keeps_its_copy_as_long_as_itself(person: Person) -> None:
    app = person.app
    app.sandbox.revoke_access(BOB)
    app.clock.advance(timedelta(hours=1))
    services = app.catflap.services
    await _tick(app)
    assert "erase" in await run_jobs(app)
    assert (await person.grant()).state == "reconsent"
    assert TEA in await person.stored() and TEA in await person.spoken()
    app.clock.advance(timedelta(days=29))
    await delete_old(services.grants.engine, app.clock.now())
    await run_jobs(app)
    assert TEA in await person.stored()
    app.clock.advance(timedelta(days=2))
    await delete_old(services.grants.engine, app.clock.now())
    assert "erase" in await run_jobs(app)
    assert await services.grants.exact(*person.key()) is None
    assert TEA not in await person.stored() and TEA not in await person.spoken()


@pytest.mark.parametrize("dies", [False, True], ids=["once", "repeated after a crash"])
async def test_a_consent_that_comes_while_the_copy_is_erased_has_it_read_again(
    person: Person, dies: bool
) -> None:
    services = person.app.catflap.services

    class ConsentingMeanwhile(Grants):
        asked = 0

        async def exact(self, user_id: int, account_sub: str) -> Grant | None:
            found = await services.grants.exact(user_id, account_sub)
            self.asked += 1
            if self.asked == 1:
                await person.browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)
                await run_jobs(person.app, but=("render", "erase"))
            if self.asked == 2 and dies:
                raise DatabaseUnavailable("shut down")
            return found

    await _die_after_revoking(person)
    grants = ConsentingMeanwhile(services.grants.engine, services.grants.cipher, person.app.clock, "")
    erasure = Erasure(services.engine, grants, person.app.clock)
    if dies:
        with pytest.raises(DatabaseUnavailable):
            await erasure.erase(person.key())
    assert (TEA not in await person.stored()) is dies
    await erasure.erase(person.key())
    assert TEA not in await person.stored()
    await run_jobs(person.app)
    assert TEA in await person.stored() and TEA in await person.spoken()


async def test_the_sound_of_an_erased_title_is_deleted_within_the_hour(person: Person) -> None:
    app = person.app
    sound = (
        "INSERT INTO app.sounds SELECT DISTINCT sound_key, 'RIFF'::bytea, '', 4, 1.0, $1::timestamptz"
        " FROM app.announcements RETURNING key"
    )
    keys = {row["key"] for row in await app.rows(sound, app.clock.now())}
    await _disconnect(person)
    await run_jobs(app)
    app.clock.advance(timedelta(minutes=1))
    await _tick(app)
    left = {row["key"] for row in await app.rows("SELECT key FROM app.sounds")}
    used = {row["sound_key"] for row in await app.rows("SELECT sound_key FROM app.announcements")}
    assert left == keys & used and left and keys - left


async def test_what_plans_have_seen_of_a_grant_is_erased_with_it(person: Person) -> None:
    """Also where no announcement tells of it, and before the next plan is made."""
    app, calendar = person.app, "SELECT id FROM app.calendars WHERE account_sub = $1"
    ours, theirs = [(await app.rows(calendar, person.key(email).account_sub))[0][0] for email in (ALICE, BOB)]
    await app.rows("DELETE FROM app.announcements WHERE titles <> ARRAY[$1]", CONCERT)
    for calendar_id, title in ((ours, CONCERT), (theirs, TEA)):
        await app.rows(_CHANGE, person.user_id, calendar_id, title, app.clock.now())
    await _die_after_revoking(person)
    await app.catflap.components.jobs.erasure.erase(person.key())
    assert TEA not in await person.stored()
    (seen,) = await app.rows("SELECT occurrences::text FROM app.plans")
    assert CONCERT in seen[0]
    assert [row["title"] for row in await app.rows("SELECT title FROM app.occurrence_changes")] == [CONCERT]


_CHANGE = (
    "INSERT INTO app.occurrence_changes"
    " (user_id, calendar_id, title, change, instance, is_private, starts_at, noticed_at)"
    " VALUES ($1, $2, $3, 'cancelled', 'x', false, $4, $4)"
)


async def test_what_somebody_sent_and_snoozed_is_no_part_of_a_grant(person: Person) -> None:
    said = (await person.browser.send("POST", "/v1/say", json={"text": "Take the pill"})).json()
    sent = f"/v1/announcements/{said['announcements'][0]['id']}"
    assert (await person.browser.send("POST", f"{sent}/snooze", json={"minutes": 60})).status_code == 200
    await _disconnect(person)
    await run_jobs(person.app)
    assert TEA not in await person.stored()
    assert (await person.spoken()).count("Take the pill") == 2


async def test_without_any_account_no_day_is_called_empty(person: Person) -> None:
    for email in (ALICE, BOB):
        assert (await person.browser.get("/v1/appointments")).json()["connected"]
        grant = await person.grant(email)
        assert (await person.browser.send("DELETE", f"/v1/grants/{grant.id}")).status_code == 204
        await run_jobs(person.app)
    assert await person.spoken() == ""
    today = (await person.browser.get("/v1/appointments")).json()
    assert (today["connected"], today["syncing"], today["calendars"]) == (False, False, 0)
    await person.browser.sign_in()
    # Connected again, and not read yet.
    today = (await person.browser.get("/v1/appointments")).json()
    assert (today["connected"], today["syncing"]) == (True, True)


async def test_erasing_twice_or_without_anything_stored_changes_nothing(person: Person) -> None:
    await _disconnect(person)
    await run_jobs(person.app)
    before = await person.stored()
    erasure = person.app.catflap.components.jobs.erasure
    await erasure.erase(person.key())
    await erasure.erase(AccountKey(person.user_id + 1000, "nobody"))
    assert await person.stored() == before
    await run_jobs(person.app)
    assert CONCERT in await person.spoken()


async def test_a_sync_that_began_before_the_end_brings_nothing_back(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = person.app.catflap.components.jobs
    assert jobs.calendars is not None
    list_calendars = jobs.calendars._api.list_calendars

    async def revoked_meanwhile(*args: Any, **named: Any) -> Any:
        listed = await list_calendars(*args, **named)
        await _die_after_revoking(person)
        await jobs.erasure.erase(person.key())
        return listed

    # So that there is something to write.
    await person.app.rows("UPDATE app.calendars SET summary = 'old'")
    await person.app.rows("UPDATE app.calendar_syncs SET list_sync_token = NULL")
    monkeypatch.setattr(jobs.calendars._api, "list_calendars", revoked_meanwhile)
    await jobs.calendars.sync_account(*person.key())
    assert "erase" in await run_jobs(person.app)
    await _check_erased(person)
