"""What is wrong with the OAuth client, and with the clock, is said as Google would say it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from catflap.checks.catalogue import found_by
from catflap.checks.clock_checks import check_clock
from catflap.checks.google_checks import check_client, check_redirect_uri, registration, to_register
from catflap.clock import SystemClock
from catflap.errors import OperatorMustAct, TryAgain
from catflap.google.client_check import check_google
from google_sandbox import Sandbox
from tests.checks.conftest import Make, codes, of_google
from tests.support.app_client import CLIENT_ID, DESKTOP, DESKTOP_CLIENT_ID, DESKTOP_SECRET, serve_json
from tests.support.mosquitto import free_port

CALLBACK = "http://127.0.0.1:8400/signin/google/callback"
PUBLIC = "https://cat.example.com"


def client_file(folder: Path, **web: Any) -> Path:
    """The file that the console lets you download."""
    file = folder / "client_secret_4711.json"
    file.write_text(json.dumps({"web": {"client_id": CLIENT_ID, "client_secret": "s", **web}}))
    return file


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"public_url": PUBLIC}, []),
        ({"public_url": "http://localhost:8400"}, []),
        ({"google_redirect_uri": "http://localhost:8400/signin/google/callback"}, []),
        ({"host": "192.168.1.20"}, ["redirect_uri_not_https"]),
        ({"public_url": "https://192.168.1.20"}, ["redirect_uri_raw_address"]),
        ({"public_url": "https://cat.lan"}, ["redirect_uri_private_name"]),
        ({"public_url": PUBLIC, "google_redirect_uri": CALLBACK}, ["redirect_uri_elsewhere"]),
    ],
)
async def test_a_redirect_uri_that_google_refuses(
    make: Make, settings: dict[str, str], expected: list[str]
) -> None:
    assert codes(await check_redirect_uri(make(**settings))) == expected


async def test_what_the_clients_file_lacks(make: Make, tmp_path: Path) -> None:
    here = make(public_url=PUBLIC)
    wanted = registration(here.settings)
    assert wanted.redirect_uri == f"{PUBLIC}/signin/google/callback"
    assert wanted.javascript_origin == PUBLIC
    client_file(tmp_path, redirect_uris=["https://other.example.com/x"])
    findings = await check_redirect_uri(here)
    assert codes(findings) == ["redirect_uri_unregistered", "origin_unregistered"]
    assert wanted.redirect_uri in findings[0].wrong
    assert await check_client(here) == [], "it is said once"
    client_file(tmp_path, redirect_uris=[wanted.redirect_uri], javascript_origins=[PUBLIC])
    assert await check_redirect_uri(here) == []


async def test_no_client_or_none_that_can_be_read(make: Make, tmp_path: Path) -> None:
    assert codes(await check_client(make())) == ["google_client_missing"]
    (finding,) = await check_client(make(google_client_id=CLIENT_ID))
    assert finding.code == "google_client_secret_missing"
    assert "once" in finding.remedy
    (tmp_path / "client_secret_x.json").write_text('{"web": {}}')
    assert codes(await check_client(make())) == ["google_client_unreadable"]
    assert await check_redirect_uri(make()) == []


async def test_where_people_sign_in_by_the_command_no_redirect_uri_is_missed(
    make: Make, google: Sandbox
) -> None:
    google.add_client(DESKTOP_CLIENT_ID, DESKTOP_SECRET, client_type="desktop")
    plain = make(**of_google(google), **DESKTOP, public_url="http://192.168.1.20:8400")
    assert (await check_redirect_uri(plain), await check_client(plain)) == ([], [])
    assert to_register(plain.settings) is None
    # At an https address the page has its own button.
    both = make(**of_google(google), **DESKTOP, public_url="https://192.168.1.20")
    assert codes(await check_redirect_uri(both)) == ["redirect_uri_raw_address"]
    assert to_register(both.settings) == registration(both.settings)
    google.delete_client(DESKTOP_CLIENT_ID)
    assert codes(await check_client(plain)) == ["google_desktop_client_rejected"]
    alone = make(**{**of_google(google), **DESKTOP, "google_client_id": ""})
    assert codes(await check_client(alone)) == ["google_client_deleted"]


async def test_a_server_starts_without_a_desktop_client_that_google_deleted(
    make: Make, google: Sandbox
) -> None:
    google.add_client(DESKTOP_CLIENT_ID, DESKTOP_SECRET, client_type="desktop")
    settings = make(**of_google(google), **DESKTOP).settings
    await check_google(settings)
    google.delete_client(DESKTOP_CLIENT_ID)
    with capture_logs() as logs:
        await check_google(settings)
    assert [one["event"] for one in logs] == ["google_desktop_client_rejected"]
    alone = settings.model_copy(update={"google_client_id": ""})
    with pytest.raises(OperatorMustAct, match="deleted_client"):
        await check_google(alone)


async def test_what_google_says_about_the_client(make: Make, google: Sandbox) -> None:
    assert await check_client(make(**of_google(google))) == []
    (rejected,) = await check_client(make(**of_google(google, secret="GOCSPX-another")))
    assert rejected.code == "google_client_rejected"
    assert "(invalid_client)" in rejected.wrong
    google.delete_client(CLIENT_ID)
    assert codes(await check_client(make(**of_google(google)))) == ["google_client_deleted"]


async def test_a_desktop_client_that_google_rejects_beside_another(make: Make, google: Sandbox) -> None:
    desktop = {"google_desktop_client_id": "4711-desktop", "google_desktop_client_secret": "unknown"}
    (finding,) = await check_client(make(**of_google(google), **desktop))
    assert finding.code == "google_desktop_client_rejected"
    assert "(invalid_client)" in finding.wrong


async def test_google_is_away_or_another_server_is_in_its_place(make: Make, google: Sandbox) -> None:
    settings = of_google(google)
    with pytest.raises(TryAgain) as caught:
        await check_client(make(**{**settings, "google_discovery_url": f"http://127.0.0.1:{free_port()}/x"}))
    assert found_by(caught.value).code == "google_unavailable"
    names = ("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri")
    async with serve_json(dict.fromkeys(names, "http://elsewhere.example.com")) as url:
        findings = await check_client(make(**{**settings, "google_discovery_url": url}))
    assert codes(findings) == ["discovery_invalid"]


@pytest.mark.parametrize(
    ("shift", "code", "direction"),
    [
        (timedelta(seconds=-20), "clock_drifts", "behind"),
        (timedelta(minutes=5), "clock_wrong", "ahead of"),
        (timedelta(days=-2), "clock_wrong", "behind"),
        (timedelta(0), None, ""),
    ],
)
async def test_a_clock_that_is_not_googles(
    make: Make, google: Sandbox, shift: timedelta, code: str | None, direction: str
) -> None:
    clock = SystemClock(datetime.now(UTC) + shift)
    findings = await check_clock(make(clock, **of_google(google)))
    assert codes(findings) == ([code] if code else [])
    assert all(direction in one.wrong for one in findings)
