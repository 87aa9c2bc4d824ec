"""A Catflap with an operator, in which something has happened."""

from datetime import timedelta

from tests.support.app_client import ALICE, Browser, RunningApp

NUMBERS = "/v1/operator/numbers"


async def busy(app: RunningApp) -> None:
    """Let things have happened, some of them an hour ago."""
    counters = app.catflap.components.infrastructure.counters
    counters.count("token_refreshes", "succeeded", 7)
    counters.count("webhook_deliveries", "http_error", 2)
    app.clock.advance(timedelta(hours=1))
    counters.count("token_refreshes", "succeeded", 4)
    counters.count("token_refreshes", "unavailable")
    for bound, times in (("0.05", 3), ("0.5", 2), ("+Inf", 1)):
        counters.count("announcement_lateness", bound, times)
    counters.count("announcement_late_milliseconds", "", 41_250)
    await counters.write()


async def signed_in(app: RunningApp, email: str = ALICE) -> Browser:
    browser = await app.browser(email)
    await browser.sign_in()
    return browser
