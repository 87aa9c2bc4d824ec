"""A user chooses the calendars that are announced, and sees what the others look like."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from catflap.announcements.preference_store import load_preferences
from catflap.announcements.preferences import CalendarPreferences
from catflap.store.task_types import AccountKey
from tests.support.app_client import ALICE, BOB, RunningApp
from tests.support.events import Writer, writer

pytestmark = pytest.mark.slow  # starts an application for each test


OWN = {"reminder_minutes": [30, 0], "says_titles": False, "ignores_quiet": True}
USUAL = {"reminder_minutes": None, "says_titles": True, "ignores_quiet": False}


def own(calendars: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: calendars[name][key] for key in OWN}


@dataclass
class Chooser:
    """A user with two calendars at Google, both read."""

    user: Writer
    account: AccountKey

    @property
    def app(self) -> RunningApp:
        return self.user.app

    async def sync(self) -> None:
        await self.app.catflap.components.jobs.sync(self.account)

    async def calendars(self) -> dict[str, Any]:
        answer = await self.app.client.get("/v1/calendars", headers=self.user.headers)
        return {one["summary"]: one for one in answer.json()["calendars"]}

    async def choose(self, name: str, selected: object, **more: Any) -> httpx2.Response:
        return await self.change(name, selected=selected, **more)

    async def change(self, name: str, **changes: Any) -> httpx2.Response:
        number = (await self.calendars())[name]["id"]
        return await self.user.send("PATCH", f"/v1/calendars/{number}", changes)

    async def queued(self, entrypoint: str) -> int:
        query = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = $1"
        return int((await self.app.rows(query, entrypoint))[0][0])

    async def how_many(self) -> int:
        """How many calendars the page says that Mia reads."""
        answer = await self.app.client.get("/v1/appointments", headers=self.user.headers)
        return int(answer.json()["calendars"])

    async def titles(self) -> list[str]:
        answer = await self.app.client.get("/v1/appointments", headers=self.user.headers)
        return sorted(one["title"] for one in answer.json()["appointments"])


@pytest.fixture
async def mia(app: RunningApp) -> Chooser:
    user = await writer(app)
    sandbox, now = app.sandbox, app.clock.now()
    for owner in (ALICE, BOB):
        when = {"dateTime": (now + timedelta(minutes=30)).isoformat()}
        sandbox.insert_event(owner, {"summary": f"Tea of {owner}", "start": when, "end": when})
    sandbox.share_calendar(BOB, ALICE)
    chooser = Chooser(user, AccountKey(user.user_id, sandbox.account(ALICE).sub))
    await chooser.sync()
    return chooser


async def test_a_calendar_that_is_deselected_is_emptied_and_stays_so_at_the_next_sync(mia: Chooser) -> None:
    assert (await mia.titles(), await mia.how_many()) == ([f"Tea of {ALICE}", f"Tea of {BOB}"], 2)
    plans = await mia.queued("plan")
    answer = await mia.choose(BOB, False)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["selected"], told["selected_at_google"], told["selected_by_user"]) == (False, True, False)
    assert (told["state"], told["events"], told["synced_at"]) == ("not_selected", 0, None)
    assert (await mia.titles(), await mia.how_many()) == ([f"Tea of {ALICE}"], 1)
    assert await mia.queued("plan") == plans + 1
    await mia.sync()
    assert await mia.titles() == [f"Tea of {ALICE}"]
    assert (await mia.calendars())[BOB] == told


async def test_a_calendar_that_is_selected_again_is_due_at_once(mia: Chooser) -> None:
    await mia.choose(BOB, False)
    syncs = await mia.queued("sync_due")
    told = (await mia.choose(BOB, True)).json()
    assert (told["selected"], told["selected_by_user"], told["state"]) == (True, True, "waiting")
    assert await mia.queued("sync_due") == syncs + 1
    await mia.app.catflap.components.jobs.sync_due(mia.account)
    assert await mia.titles() == [f"Tea of {ALICE}", f"Tea of {BOB}"]


async def test_no_sync_overrides_the_choice_until_the_user_follows_google_again(mia: Chooser) -> None:
    await mia.choose(BOB, True)
    store = mia.app.sandbox.state.calendar_store
    entry = store.list_of(mia.app.sandbox.account(ALICE))[BOB]
    entry.settings = {"selected": False}
    store.touch(mia.account.account_sub, entry)
    await mia.sync()
    told = (await mia.calendars())[BOB]
    assert (told["selected"], told["selected_at_google"], told["selected_by_user"]) == (True, False, True)
    assert len(await mia.titles()) == 2
    told = (await mia.choose(BOB, None)).json()
    assert (told["selected"], told["selected_at_google"], told["selected_by_user"]) == (False, False, None)
    assert await mia.titles() == [f"Tea of {ALICE}"]


async def test_the_same_choice_again_does_nothing(mia: Chooser) -> None:
    await mia.choose(BOB, True)
    queued = [await mia.queued(name) for name in ("sync_due", "plan")]
    before = await mia.calendars()
    assert (await mia.choose(BOB, True)).status_code == 200
    assert (await mia.calendars(), [await mia.queued(name) for name in ("sync_due", "plan")]) == (
        before,
        queued,
    )


async def test_push_notifications_of_a_deselected_calendar_are_no_longer_wanted(mia: Chooser) -> None:
    number = (await mia.calendars())[BOB]["id"]
    await mia.app.rows(
        "INSERT INTO app.push_channels"
        " (id, user_id, account_sub, calendar_id, is_list, address, token_hash, created_at, expires_at)"
        " VALUES ('one', $1, $2, $3, false, '', '', now(), now())",
        *mia.account,
        number,
    )
    await mia.choose(BOB, False)
    assert [row[0] for row in await mia.app.rows("SELECT calendar_id FROM app.push_channels")] == [None]


async def test_another_users_calendar_is_not_found(mia: Chooser) -> None:
    bob = await writer(mia.app, email=BOB)
    before = await mia.calendars()
    numbers = [one["id"] for one in before.values()]
    for number in (*numbers, 2**40):
        for changes in ({"selected": False}, OWN):
            answer = await bob.send("PATCH", f"/v1/calendars/{number}", changes)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await mia.calendars() == before


@pytest.mark.parametrize("selected", ["true", 1, 0, [], {}, "null"])
async def test_a_choice_is_true_false_or_null(mia: Chooser, selected: object) -> None:
    answer = await mia.choose(BOB, selected)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert (await mia.choose(BOB, True, summary="Mine")).status_code == 400


async def test_some_choice_is_required(mia: Chooser) -> None:
    answer = await mia.change(BOB)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "selected" in answer.json()["detail"]


async def test_how_a_calendar_is_announced_is_planned_with_and_no_sync_resets_it(mia: Chooser) -> None:
    plans = await mia.queued("plan")
    assert own(await mia.calendars(), BOB) == USUAL
    answer = await mia.change(BOB, **OWN)
    assert answer.status_code == 200, answer.text
    assert (own({BOB: answer.json()}, BOB), answer.json()["selected_by_user"]) == (OWN, None)
    assert await mia.queued("plan") == plans + 1
    sandbox = mia.app.sandbox
    entry = sandbox.state.calendar_store.list_of(sandbox.account(ALICE))[BOB]
    entry.settings = {"summaryOverride": "Bob's"}
    sandbox.state.calendar_store.touch(mia.account.account_sub, entry)
    await mia.sync()
    assert own(await mia.calendars(), "Bob's") == OWN
    assert own(await mia.calendars(), ALICE) == USUAL
    preferences = await load_preferences(mia.app.catflap.services.engine, mia.user.user_id)
    assert list(preferences.calendars.values()) == [CalendarPreferences((30, 0), False, True)]


async def test_of_a_calendar_only_what_is_sent_changes_and_null_is_as_usual(mia: Chooser) -> None:
    await mia.change(BOB, **OWN)
    plans = await mia.queued("plan")
    await mia.change(BOB, **OWN)
    assert await mia.queued("plan") == plans
    assert own({BOB: (await mia.change(BOB, says_titles=True)).json()}, BOB) == OWN | {"says_titles": True}
    assert own({BOB: (await mia.change(BOB, reminder_minutes=[])).json()}, BOB)["reminder_minutes"] == []
    assert own({BOB: (await mia.change(BOB, **dict.fromkeys(OWN))).json()}, BOB) == USUAL
    told = (await mia.change(BOB, selected=False, ignores_quiet=True)).json()
    assert (told["selected"], told["ignores_quiet"]) == (False, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reminder_minutes": [-1]},
        {"reminder_minutes": [1, 2, 3, 4, 5, 6]},
        {"reminder_minutes": 5},
        {"says_titles": "no"},
        {"ignores_quiet": 1},
        {"is_notified": True},
    ],
)
async def test_a_wrong_choice_for_a_calendar_changes_nothing(mia: Chooser, wrong: dict[str, Any]) -> None:
    before = await mia.calendars()
    answer = await mia.change(BOB, selected=False, **wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert await mia.calendars() == before


async def test_calendars_come_with_their_colours_and_what_the_user_may_see(mia: Chooser) -> None:
    theirs = (await mia.calendars())[BOB]
    assert theirs["access_role"] == "reader" and (await mia.calendars())[ALICE]["access_role"] == "owner"
    assert theirs["background_color"].startswith("#") and theirs["foreground_color"] == "#000000"


async def test_appointments_tell_where_and_with_how_many_people_they_are(mia: Chooser) -> None:
    when = {"dateTime": (mia.app.clock.now() + timedelta(hours=1)).isoformat()}
    guests = [{"email": f"{name}@example.com"} for name in ("bob", "leo")]
    mia.app.sandbox.insert_event(
        ALICE,
        {
            "summary": "Retro",
            "location": "Room 1",
            "attendees": guests,
            "start": when,
            "end": when,
            "hangoutLink": "https://meet.google.com/abc",
        },
    )
    await mia.sync()
    answer = await mia.app.client.get("/v1/appointments", headers=mia.user.headers)
    found = {one["title"]: one for one in answer.json()["appointments"]}
    retro, tea = found["Retro"], found[f"Tea of {ALICE}"]
    assert (retro["place"], retro["attendees"]) == ("Room 1", 2)
    assert (tea["place"], tea["conference_link"], tea["attendees"], tea["organizer"]) == (None, None, 0, None)
    assert retro["color"] == (await mia.calendars())[ALICE]["background_color"]
