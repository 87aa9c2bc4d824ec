"""What the page learns of today beside the appointments: when the day begins and ends."""

from datetime import UTC, datetime

import pytest

from tests.support.app_client import RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test


@pytest.mark.parametrize(
    ("now", "zone", "starts", "ends"),
    [
        ("2027-03-28T12:00", "Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),
        ("2027-10-31T12:00", "Europe/Berlin", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z"),
        # Its midnight does not exist.
        ("2027-09-05T12:00", "America/Santiago", "2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z"),
    ],
)
async def test_a_day_has_as_many_hours_as_its_clocks(
    app: RunningApp, now: str, zone: str, starts: str, ends: str
) -> None:
    app.clock.advance_to(datetime.fromisoformat(now).replace(tzinfo=UTC))
    browser = await app.browser()
    await browser.sign_in()
    body = {**(await browser.get("/v1/preferences")).json(), "zone": zone}
    assert (await browser.send("PUT", "/v1/preferences", json=body)).status_code == 200
    today = (await browser.get("/v1/appointments")).json()
    assert (today["day"], today["starts_at"], today["ends_at"]) == (now[:10], starts, ends)
