"""The pure functions that place things on the time line, called in a browser."""

import random
from typing import Any

import pytest
from playwright.async_api import Page

from tests.support.fake_state import FakeApi

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]
HOUR = 3_600_000


async def call(page: Page, catflap: FakeApi, expression: str, given: Any) -> Any:
    catflap.viewer = None  # a page without scripts of its own that matter
    await page.goto(catflap.url)
    return await page.evaluate(
        f"""async (given) => {{
            const layout = await import("/static/page/today/layout.js");
            const {{ Format }} = await import("/static/lib/format.js");
            return {expression};
        }}""",
        given,
    )


def spans(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"start": start * HOUR, "end": end * HOUR} for start, end in pairs]


async def lay_out(
    page: Page, catflap: FakeApi, given: list[dict[str, float]], least: float
) -> list[dict[str, int]]:
    found: list[dict[str, int]] = await call(
        page, catflap, "layout.layOut(given.spans, given.least)", {"spans": given, "least": least * HOUR}
    )
    return found


def shown(places: list[dict[str, int]]) -> list[tuple[int, int, int]]:
    return [(one["lane"], one["lanes"], one["width"]) for one in places]


async def test_what_overlaps_is_side_by_side_and_the_rest_as_wide_as_there_is_room(
    page: Page, catflap: FakeApi
) -> None:
    given = spans((9, 10), (14, 15), (14.5, 15.5), (15, 16), (10, 11))
    assert shown(await lay_out(page, catflap, given, 0.5)) == [
        (0, 1, 1),
        (0, 2, 1),
        (1, 2, 1),
        (0, 2, 1),
        (0, 1, 1),
    ]
    # The last touches only the first column, and the short one is as high as a finger.
    given = spans((8, 12), (8, 9), (8, 9), (10, 11), (12, 12.1), (12.2, 13))
    assert shown(await lay_out(page, catflap, given, 0.5)) == [
        (0, 3, 1),
        (1, 3, 1),
        (2, 3, 1),
        (1, 3, 2),
        (0, 2, 1),
        (1, 2, 1),
    ]
    assert await lay_out(page, catflap, [], 0.5) == []


async def test_no_two_of_many_lie_on_each_other(page: Page, catflap: FakeApi) -> None:
    chance = random.Random(14)
    starts = [chance.randrange(0, 24 * 4) / 4 for _ in range(60)]
    given = spans(*((start, start + chance.choice((0, 0.25, 1, 3))) for start in starts))
    places = await lay_out(page, catflap, given, 0.5)
    drawn = [
        (
            one["start"],
            max(one["end"], one["start"] + HOUR / 2),
            place["lane"],
            place["lane"] + place["width"],
        )
        for one, place in zip(given, places, strict=True)
    ]
    for index, (start, end, left, right) in enumerate(drawn):
        assert 0 <= left < right <= places[index]["lanes"]
        for start2, end2, left2, right2 in drawn[index + 1 :]:
            assert end <= start2 or end2 <= start or right <= left2 or right2 <= left


@pytest.mark.parametrize(
    ("zone", "start", "end", "labels"),
    [
        ("UTC", "2027-03-27T00:00:00Z", "2027-03-28T00:00:00Z", [*range(24), 0]),
        ("Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", [0, 1, *range(3, 24), 0]),
        ("Europe/Berlin", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z", [0, 1, 2, *range(2, 24), 0]),
        ("Asia/Kathmandu", "2027-03-27T18:15:00Z", "2027-03-28T18:15:00Z", [*range(24), 0]),
        ("America/Santiago", "2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z", [*range(1, 24), 0]),
        # By half an hour: the second 1:30 is no full hour, and 2:00 comes half an hour after it.
        ("Australia/Lord_Howe", "2027-04-03T13:00:00Z", "2027-04-04T13:30:00Z", [*range(24), 0]),
        ("Australia/Lord_Howe", "2027-10-02T13:30:00Z", "2027-10-03T13:00:00Z", [0, 1, *range(3, 24), 0]),
    ],
)
async def test_the_axis_has_the_full_hours_of_the_clocks_there(
    page: Page, catflap: FakeApi, zone: str, start: str, end: str, labels: list[int]
) -> None:
    found = await call(
        page,
        catflap,
        """(() => {
            const format = new Format({}, "en");
            format.zone = given.zone;
            const day = { start: Date.parse(given.start), end: Date.parse(given.end) };
            const options = { hour: "numeric", minute: "2-digit", hourCycle: "h23", timeZone: given.zone };
            const shown = new Intl.DateTimeFormat("en", options);
            const found = layout.hours(day, (at) => format.minutesAfterHour(at));
            return found.map((at) => shown.format(at));
        })()""",
        {"zone": zone, "start": start, "end": end},
    )
    assert [int(one.partition(":")[0]) for one in found] == labels
    assert {one.partition(":")[2] for one in found} == {"00"}


async def test_the_drawing_begins_an_hour_before_the_first_and_ends_an_hour_after_the_last(
    page: Page, catflap: FakeApi
) -> None:
    full = [hour * HOUR for hour in range(25)]
    expected = [
        (spans((9.25, 10), (17, 18.1)), 12, (8, 20)),
        (spans((9.25, 10)), 23.5, (8, 24)),
        (spans((-3, 2), (20, 30)), 12, (0, 24)),
        ([], 12.5, (11, 14)),
    ]
    for happens, now, (start, end) in expected:
        given = {"full": full, "happens": happens, "now": now * HOUR}
        found = await call(page, catflap, "layout.range(given.full, given.happens, given.now)", given)
        assert (found["start"] / HOUR, found["end"] / HOUR) == (start, end)


async def test_marks_that_would_lie_on_each_other_are_one(page: Page, catflap: FakeApi) -> None:
    marks = [{"at": at} for at in (0, 10, 19, 20, 45, 60)]
    groups = await call(page, catflap, "layout.group(given, 20)", marks)
    assert [[one["at"] for one in some] for some in groups] == [[0, 10, 19], [20], [45, 60]]
