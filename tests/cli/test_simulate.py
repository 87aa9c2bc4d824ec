"""`catflap device simulate` connects, plays and acknowledges, and touches no database with real users."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.app_client import RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test


async def simulate(app: RunningApp, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "catflap.cli", "device", "simulate", "--server", app.origin, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode, out.decode(), err.decode()


def database(app: RunningApp) -> str:
    return app.urls.owner.render_as_string(hide_password=False)


async def test_devices_connect_follow_changes_and_are_removed_afterwards(app: RunningApp) -> None:
    options = ("--count", "20", "--seconds", "4", "--changes", "20", "--json")
    code, out, err = await simulate(app, *options, "--database", database(app))
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    assert (found["devices"], found["connected"], found["errors"]) == (20, 20, 0)
    assert found["documents"] > 20 and found["documents late, p99, ms"] > 0
    assert (await app.rows("SELECT count(*) FROM app.devices"))[0][0] == 0
    assert (await app.rows("SELECT count(*) FROM app.sounds"))[0][0] == 0


async def test_a_database_with_other_users_is_refused_and_stays_as_it_is(app: RunningApp) -> None:
    await (await app.browser()).sign_in()
    before = await app.dump()
    code, _, err = await simulate(app, "--seconds", "1", "--database", database(app))
    assert code == 3 and "users that are not simulated" in err
    assert await app.dump() == before


async def test_devices_that_exist_are_given_by_their_tokens(app: RunningApp, tmp_path: Path) -> None:
    browser = await app.browser()
    await browser.sign_in()
    made = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    (tmp_path / "tokens").write_text(made["token"] + "\n")
    code, out, err = await simulate(app, "--seconds", "2", "--tokens", str(tmp_path / "tokens"), "--json")
    assert code == 0, err
    assert (json.loads(out)["devices"], json.loads(out)["connected"]) == (1, 1)


async def test_a_server_that_does_not_know_the_devices_is_named(app: RunningApp, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("nobody\n")
    code, _, err = await simulate(app, "--seconds", "1", "--tokens", str(tmp_path / "tokens"))
    assert code == 2 and "does not know these devices" in err


@pytest.mark.parametrize(
    "arguments", [(), ("--tokens", "/nowhere"), ("--server", "ftp://x", "--tokens", "/dev/null")]
)
async def test_what_can_not_be_used_is_said(app: RunningApp, arguments: tuple[str, ...]) -> None:
    code, out, err = await simulate(app, *arguments)
    assert code == 2 and not out and "Traceback" not in err
