"""The numbers of the operator are for the listed accounts only, and remembered for some seconds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catflap.clock import FixedClock
from catflap.store.counters import BUCKET
from catflap.store.database import Urls
from tests.support.app_client import ALICE, BOB, RunningApp, running_app
from tests.support.operator_session import NUMBERS, busy, signed_in
from tests.support.statements import queries, recorded_statements

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, operators=(ALICE,), calendars=True) as opened:
        yield opened


async def test_only_operators_get_the_numbers(app: RunningApp) -> None:
    operator, other = await signed_in(app), await signed_in(app, BOB)
    assert (await operator.get(NUMBERS)).status_code == 200
    refused = await other.get(NUMBERS)
    assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")
    assert (await app.client.get(NUMBERS)).status_code == 401
    user_id = (await operator.me())["user_id"]
    of_a_back_end = await app.client.get(NUMBERS, headers=await app.bearer_of(user_id))
    assert (of_a_back_end.status_code, of_a_back_end.json()["code"]) == (403, "operators_only")


@pytest.mark.parametrize(
    ("hours", "step", "refreshes"), [(1, 300, [4]), (24, 900, [7, 4]), (168, 7200, [11])]
)
async def test_counts_over_time_have_no_gaps(
    app: RunningApp, hours: int, step: int, refreshes: list[int]
) -> None:
    operator = await signed_in(app)
    await busy(app)
    over = (await operator.get(f"{NUMBERS}?hours={hours}")).json()["over_time"]
    assert over["step_seconds"] == step
    assert len(over["times"]) * step == hours * 3600
    series = over["counts"]["token_refreshes"]
    assert len(series) == len(over["times"])
    assert [one["succeeded"] for one in series if one] == refreshes
    assert series[-1]["unavailable"] == 1
    assert over["lateness"]["seconds"] == 41.25


@pytest.mark.parametrize("hours", ["0", "169", "x"])
async def test_other_times_are_refused(app: RunningApp, hours: str) -> None:
    answer = await (await signed_in(app)).get(f"{NUMBERS}?hours={hours}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_asking_often_costs_nothing(app: RunningApp) -> None:
    numbers = app.catflap.services.numbers
    first, over = await numbers.now(), await numbers.over(24)
    with recorded_statements() as sent:
        assert await numbers.now() is first
        assert await numbers.over(24) is over
    assert queries(sent) == 0
    app.clock.advance(BUCKET)
    assert await numbers.now() is not first


async def test_only_operators_have_the_screen(app: RunningApp) -> None:
    operator, other = await signed_in(app), await signed_in(app, BOB)
    person = {"Accept": "text/html"}
    shown = await operator.get("/operator", headers=person)
    assert (shown.status_code, 'id="screen-operator"' in shown.text) == (200, True)
    refused = await other.get("/operator", headers=person)
    assert (refused.status_code, "screen-operator" in refused.text) == (403, False)
    assert refused.headers["Content-Type"].startswith("text/html")
    assert "operator" not in (await other.get("/", headers=person)).text.partition("<body")[2]
    stranger = await app.client.get("/operator", headers=person)
    assert (stranger.status_code, "screen-operator" in stranger.text) == (200, False)
