"""`catflap signin` of the built wheel, from a laptop, with Google and Catflap on real sockets."""

import asyncio
import contextlib
import html
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from catflap.web.i18n import texts
from tests.support.app_client import ALICE, BOB, DESKTOP, DESKTOP_CLIENT_ID, RunningApp, running_app
from tests.support.signin import NOTHING, ONE_OF_EACH, changed
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow
_SECONDS = 60


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    chosen = {"calendars": True, "allowed_emails": (ALICE,), **DESKTOP}
    async with running_app(database_urls, clock, tmp_path / "server", **chosen) as running:
        yield running


@dataclass
class Command:
    """A running `catflap signin`, and the address that it sends its browser to."""

    process: asyncio.subprocess.Process
    url: str

    @property
    def asked(self) -> dict[str, str]:
        """What it asks Google with."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    async def end(self) -> tuple[int, str, str]:
        """Its exit code, and what it wrote; also when it had to be ended."""
        written = await asyncio.wait_for(self.process.communicate(), _SECONDS)
        assert self.process.returncode is not None
        return self.process.returncode, *(one.decode() for one in written)


@asynccontextmanager
async def command(
    installed: InstalledWheel, app: RunningApp, folder: Path, *arguments: str
) -> AsyncIterator[Command]:
    """Start the command; its browser is a program that hands the address over to this test."""
    mailbox = folder / "address"
    os.mkfifo(mailbox)
    opener = folder / "browser.py"
    opener.write_text(f"import sys; open({str(mailbox)!r}, 'w').write(sys.argv[1])")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP_", "GOOGLE_"))}
    process = await asyncio.create_subprocess_exec(
        *(str(installed.catflap), "signin", "--server", app.origin, *arguments),
        cwd=folder,
        env={
            **kept,
            "BROWSER": f"{sys.executable} {opener} %s",
            "CATFLAP_GOOGLE_DISCOVERY_URL": app.catflap.services.settings.google_discovery_url,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr
        if "--no-browser" in arguments:
            lines = [(await process.stderr.readline()).decode() for _ in range(3)]
            url = lines[2].strip()
        else:
            url = await asyncio.wait_for(asyncio.to_thread(mailbox.read_text), _SECONDS)
        yield Command(process, url)
    finally:
        mailbox.unlink()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_from_a_laptop_to_a_page_that_is_signed_in_a_refresh_and_a_revocation(
    installed: InstalledWheel, app: RunningApp, tmp_path: Path
) -> None:
    browser = await app.browser()
    browser.http.event_hooks = {"request": [], "response": []}  # pages of the command are not ours
    async with command(installed, app, tmp_path) as started:
        asked = started.asked
        assert (asked["client_id"], asked["code_challenge_method"]) == (DESKTOP_CLIENT_ID, "S256")
        assert "include_granted_scopes" not in asked
        back = await browser.at_google(started.url)
        assert back.startswith(asked["redirect_uri"])
        # Other pages of this browser neither end nor answer it, nor does another name of this machine.
        for forged in (changed(back, state="x" * 43), changed(back, state=None), f"{back}&state=x"):
            assert (await browser.http.get(forged)).status_code == 400
        rebound = await browser.http.get(back, headers={"Host": "evil.example"})
        assert rebound.status_code == 403
        page = await browser.http.get(back)
        assert re.fullmatch(r"/done/[A-Za-z0-9_-]{43}", page.headers["Location"])
        done = await browser.http.get(urljoin(back, page.headers["Location"]))
        ended, out, err = await started.end()
    name = app.sandbox.account(ALICE).name
    assert (ended, out.splitlines()[0]) == (0, f"Signed in as {name} ({ALICE}).")
    form = {name: html.unescape(value) for name, value in re.findall(r'(action|value)="([^"]+)"', done.text)}
    for secret in (form["value"], asked["state"], asked["nonce"], parse_qs(urlsplit(back).query)["code"][0]):
        assert secret not in out + err
        assert secret not in f"{page.headers['Location']} {done.request.url} {form['action']}"
    origin = asked["redirect_uri"].rstrip("/")
    opened = await browser.http.post(
        form["action"], data={"handover": form["value"]}, headers={"Origin": origin}
    )
    assert (opened.status_code, opened.headers["Location"]) == (303, "/")
    await _refreshed_and_revoked(app, await browser.me())


async def _refreshed_and_revoked(app: RunningApp, me: dict[str, Any]) -> None:
    vault, user_id = app.catflap.services.vault, me["user_id"]
    app.clock.advance(timedelta(hours=2))
    token = await vault.access_token(user_id)
    (refresh,) = app.sandbox.requests(endpoint="oauth.token.refresh", status=200)
    assert (refresh["client"], token.scopes >= {"calendar.events.readonly"}) == (DESKTOP_CLIENT_ID, True)
    (grant,) = await vault.grants.of_user(user_id)
    assert await vault.revoke(user_id, grant.account_sub)
    assert app.google_was_asked("oauth.revoke") == 1
    assert (await app.stored())["vault.google_tokens"] == 0


async def _come_back(app: RunningApp, started: Command, language: str = "en", **at_google: Any) -> str:
    """Go through Google's pages and back; the text of the last page."""
    browser = await app.browser()
    browser.http.headers["Accept-Language"] = language
    browser.http.event_hooks = {"request": [], "response": []}
    back = await browser.at_google(started.url, **at_google)
    page = await browser.http.get(back)
    assert page.status_code == 303
    return html.unescape((await browser.http.get(urljoin(back, page.headers["Location"]))).text)


async def test_what_goes_wrong_is_told_in_the_terminal_and_in_the_browser(
    installed: InstalledWheel, app: RunningApp, tmp_path: Path
) -> None:
    async with command(installed, app, tmp_path, "--no-browser") as started:
        assert texts("en")["error_access_denied"] in await _come_back(app, started, deny=True)
        ended, out, err = await started.end()
        assert (ended, out) == (4, "")
        assert "declined at Google, so nothing was stored" in err
    async with command(installed, app, tmp_path, "--no-browser") as started:
        assert texts("ja")["error_not_allowed"] in await _come_back(app, started, "ja", email=BOB)
        ended, out, err = await started.end()
        assert (ended, out) == (2, "")
        assert "may not sign in here" in err
    assert await app.stored() == NOTHING
    async with command(
        installed, app, tmp_path, "--no-browser", "--scopes", "calendar drive.file"
    ) as started:
        assert "https://www.googleapis.com/auth/drive.file" in started.asked["scope"]
        shown = await _come_back(app, started, "ja", untick=["drive.file"])
        assert texts("ja")["loopback_go_on"].format(email=ALICE) in shown
        assert texts("ja")["loopback_missing"] in shown
        assert f">{texts('ja')['loopback_go']}</button>" in shown
        ended, out, err = await started.end()
        assert (ended, out.splitlines()[0].startswith("Signed in as ")) == (4, True)
        assert "You did not allow drive.file" in err
    assert await app.stored() == {**ONE_OF_EACH, "app.sessions": 0}
