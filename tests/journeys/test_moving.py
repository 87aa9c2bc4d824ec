"""A year of an installation: backup while it serves, the move to another machine, and its end."""

import asyncio
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from catflap.cli.demo.client import DemoClient
from catflap.cli.demo.virtual_device import VirtualDevice
from catflap.clock import FixedClock
from catflap.tls import tls_context
from google_sandbox import Sandbox
from tests.support.served import ALICE, CLIENT_ID, CLIENT_SECRET, Home, home
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow

TITLE = "Dentist of the backup"


@pytest.fixture
def machines() -> Iterator[Path]:
    """A folder outside pytest's: as root, the next session shuts that to PostgreSQL's user."""
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class Household:
    """Alice, who signs in once, and her device, which goes on with its token on any machine."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.device_token = ""
        self.cookies: list[Any] = []

    async def move_in(self, origin: str) -> list[str]:
        """Sign in, pair a device, and return what it will say."""
        self.sandbox.add_client(CLIENT_ID, CLIENT_SECRET, redirect_uris=[f"{origin}/signin/google/callback"])
        async with _http() as browser, _http() as http:
            client = DemoClient(browser, origin, ALICE)
            await client.sign_in()
            device = VirtualDevice(http, origin, FixedClock(datetime.now(UTC)))
            await device.pair(client)
            self.device_token = device._secret
            self.cookies = list(browser.cookies.jar)
            return _texts(await device.schedule())

    async def look_in(self, origin: str, title: str) -> tuple[list[str], int]:
        """Return what the device will say once that names `title`, and the status of Alice's session."""
        async with _http() as http, _http() as browser:
            device = VirtualDevice(http, origin, FixedClock(datetime.now(UTC)))
            device._secret = self.device_token
            for cookie in self.cookies:
                browser.cookies.jar.set_cookie(cookie)
            me = await browser.get(origin + "/v1/me")
            async with asyncio.timeout(30):
                texts = _texts(await device.schedule())
                while not any(title in text for text in texts):
                    await asyncio.sleep(0.2)
                    texts = _texts(await device.schedule())
            return texts, me.status_code


def test_a_backup_moves_to_another_machine_and_ends_in_an_uninstall(
    installed: InstalledWheel, google_sandbox: Sandbox, machines: Path
) -> None:
    google_sandbox.add_account(ALICE, name="Alice")
    google_sandbox.insert_event(ALICE, _event(TITLE, hours=3))
    household = Household(google_sandbox)
    former, present = (home(installed, google_sandbox, machines / name) for name in ("former", "present"))
    backups, stick = machines / "backups", machines / "stick.json"
    backups.mkdir()

    with former.serve() as origin:
        before = asyncio.run(household.move_in(origin))
        assert any(TITLE in text for text in before)
        backup = _back_up(former, backups, stick)
        for command in (("restore", backup), ("uninstall", "--revoke", "--yes")):
            assert former.refusal(*command, code=2).startswith("Processes of Catflap use this database.")

    _refused_without_the_keyset_or_damaged(present, backup)
    restored = present.run("restore", backup, "--keyset", stick)
    assert restored.returncode == 0, restored.stderr
    assert "people sign in again" in restored.stderr
    assert "--replace" in present.refusal("restore", backup, code=2)

    # The access token that was backed up is no use any more, so the grant has to be refreshed.
    google_sandbox.expire("access")
    google_sandbox.insert_event(ALICE, _event("Tea at the new place", hours=4))
    with present.serve() as origin:
        after, session = asyncio.run(household.look_in(origin, "Tea at the new place"))
    assert set(before) <= set(after)
    assert session == 401

    _uninstall(present, google_sandbox)


def _back_up(former: Home, backups: Path, stick: Path) -> Path:
    made = former.run("backup", backups)
    assert made.returncode == 0, made.stderr
    backup = Path(made.stdout.strip())
    assert backup.parent == backups and list(backups.iterdir()) == [backup]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "vault-keyset.json" in made.stderr and "catflap backup --keyset" in made.stderr
    with zipfile.ZipFile(backup) as archive:
        rows = b"".join(archive.read(name) for name in archive.namelist())
    assert TITLE.encode() in rows
    # No keyset, no token as Google gave it, and nothing of the former machine's jobs and channels.
    assert b"keyData" not in rows and b"app.push_channels" not in rows
    assert b"1//" not in rows and b"ya29." not in rows

    assert "could open every token" in former.refusal("backup", "--keyset", backups / "keyset", code=2)
    assert list(backups.iterdir()) == [backup]
    kept = former.run("backup", "--keyset", stick)
    assert kept.returncode == 0, kept.stderr
    assert stat.S_IMODE(stick.stat().st_mode) == 0o600
    assert stick.read_text() == (former.data_dir / "secrets" / "vault-keyset.json").read_text()
    return backup


def _refused_without_the_keyset_or_damaged(present: Home, backup: Path) -> None:
    assert "--keyset FILE" in present.refusal("restore", backup, code=3)
    half = backup.with_name("half")
    half.write_bytes(backup.read_bytes()[:-100])
    assert "Nothing was changed" in present.refusal("restore", half, "--without-keyset", code=2)
    assert not (present.data_dir / "postgres").exists()


def _uninstall(present: Home, sandbox: Sandbox) -> None:
    elsewhere = present.data_dir.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("")
    (present.data_dir / "secrets" / "link").symlink_to(elsewhere)
    (present.data_dir / "device").symlink_to(elsewhere)

    assert "--keep-grants" in present.refusal("uninstall", code=2)
    away = {"CATFLAP_GOOGLE_DISCOVERY_URL": "http://127.0.0.1:9/.well-known/openid-configuration"}
    kept = present.refusal("uninstall", "--revoke", "--yes", code=5, **away)
    assert f"user 1, {ALICE}: google_unavailable" in kept and "Nothing was deleted" in kept
    assert (present.data_dir / "postgres" / "PG_VERSION").exists()
    assert sandbox.requests("oauth.revoke") == []

    gone = present.run("uninstall", "--revoke", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "1 of 1 tokens revoked" in gone.stdout and "OAuth client" in gone.stdout
    assert [call["status"] for call in sandbox.requests("oauth.revoke")] == [200]
    assert sandbox.revoke_access(ALICE) == []
    assert not present.data_dir.exists()
    assert (elsewhere / "precious").exists()


def _http() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=tls_context(), timeout=30)


def _texts(document: dict[str, Any]) -> list[str]:
    """What it says of one appointment each: the briefing of a day has other words after a second one."""
    return [one["text"] for one in document["announcements"] if one["kind"] in ("before", "start")]


def _event(title: str, *, hours: int) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(hours=hours)
    return {
        "summary": title,
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(minutes=30)).isoformat()},
        "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
    }
