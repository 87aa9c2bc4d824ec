"""The installed app: its manifest, and what it shows without a network."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from catflap.web import static_files, static_version
from tests.support.fake_state import FakeApi
from tests.web.visits import finds_nothing, guarded, says

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("page_words"),
]
SECRET = "Lunch with Ami"
ACTIVATED = """
navigator.serviceWorker.ready.then(({ active }) => new Promise((resolve) => {
  const check = () => active.state === "activated" && resolve();
  active.addEventListener("statechange", check);
  check();
}))
"""
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('catflap.plan'))"


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ja"])
async def context(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    size = {"width": 360, "height": 740}
    made = await browser.new_context(locale=request.param, timezone_id="UTC", viewport=size)  # type: ignore[arg-type]
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    async with guarded(context) as opened:
        yield opened


async def seen(page: Page, catflap: FakeApi) -> None:
    """Visit the page with one appointment, until the app is installed."""
    now = catflap.now().replace(hour=12, minute=0)
    times = {"starts_at": now, "ends_at": now + timedelta(hours=1)}
    catflap.appointments = [{"title": SECRET, **times, "all_day": False, "calendar": "Home"}]
    await page.goto(catflap.url)
    await expect(page.locator("#appointments")).to_contain_text(SECRET)
    await page.evaluate(ACTIVATED)


async def test_without_a_network_the_app_shows_todays_plan(
    page: Page, context: BrowserContext, catflap: FakeApi
) -> None:
    await seen(page, catflap)
    await context.set_offline(True)
    await page.goto(f"{catflap.url}/when")
    await expect(page.get_by_role("heading", level=1)).to_have_text(await says(page, "offline_title"))
    await expect(page.locator("#appointments")).to_contain_text(SECRET)
    await finds_nothing(page)
    await context.set_offline(False)
    # At the latest when the page tries again, every ten seconds.
    await expect(page.locator("#screen-when")).to_be_visible(timeout=30_000)


async def test_the_plan_of_another_day_is_not_todays(
    page: Page, context: BrowserContext, catflap: FakeApi
) -> None:
    await seen(page, catflap)
    (key,) = await page.evaluate(KEPT)
    plan = json.loads(await page.evaluate("(key) => localStorage.getItem(key)", key))
    yesterday = json.dumps({**plan, "day": "2020-01-01"})
    # Away from the page, which would keep the present plan anew.
    await page.goto(f"{catflap.url}/manifest.webmanifest")
    await page.evaluate("([key, plan]) => localStorage.setItem(key, plan)", [key, yesterday])
    await context.set_offline(True)
    await page.goto(catflap.url)
    await expect(page.locator("#no-plan")).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text(SECRET)


async def test_after_signing_out_nothing_is_left(
    page: Page, context: BrowserContext, catflap: FakeApi
) -> None:
    await seen(page, catflap)
    await page.click("#signout button")
    await expect(page.locator("body.signed-out")).to_be_visible()
    # With its script, which forgets.
    await page.wait_for_load_state("load")
    assert await page.evaluate(KEPT) == []
    await context.set_offline(True)
    await page.goto(catflap.url)
    await expect(page.locator("#no-plan")).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text(SECRET)


INSTALL = """
async (version) => {
  const { installing } = await navigator.serviceWorker.register(`/service-worker.js?v=${version}`, { scope: "/" });
  const isOver = () => ["activated", "redundant"].includes(installing.state);
  return new Promise((resolve) => (installing.onstatechange = () => isOver() && resolve(installing.state)));
}
"""  # noqa: E501


async def test_files_of_another_version_are_not_kept(
    page: Page, catflap: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a new version is rolled out, two servers answer behind one address."""
    # A page that installs nothing by itself.
    catflap.viewer = None
    await page.goto(catflap.url)
    # The page came from a new server, the files come from an old one.
    monkeypatch.setattr(static_files, "without_prefix", lambda name: (name.partition("/")[2], False))
    present = static_version.prefix().rstrip("/")
    assert await page.evaluate(INSTALL, present) == "redundant"
    monkeypatch.undo()
    # The page /offline comes from the server that has another version than the page.
    assert await page.evaluate(INSTALL, "v-000000000000") == "redundant"
    assert await page.evaluate("caches.keys()") == []
    assert await page.evaluate(INSTALL, present) == "activated"


async def test_the_app_can_be_installed(page: Page, catflap: FakeApi) -> None:
    await page.goto(catflap.url)
    session = await page.context.new_cdp_session(page)
    found = await session.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert manifest["display"] == "standalone"
    icons = {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= icons
    for icon in manifest["icons"]:
        assert (await page.request.get(catflap.url + icon["src"])).ok
    assert (await page.request.get(f"{catflap.url}/favicon.ico")).ok
    assert await page.locator("html").get_attribute("lang") == manifest["lang"]
