"""What `catflap signin` says when it finds no Catflap that it can sign in to."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from catflap.cli.signin import check_google
from catflap.cli.signin_server import DesktopClient, SignInServer
from catflap.errors import CatflapError
from catflap.settings import GOOGLE_DISCOVERY_URL, Settings

HERE = "http://127.0.0.1:8400"
_Handler = Callable[[httpx2.Request], httpx2.Response]


async def error_of(handler: _Handler, url: str = HERE) -> CatflapError:
    """The error with which the first request ends."""
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http:
        with pytest.raises(CatflapError) as caught:
            await SignInServer(http, url).client(None)
    return caught.value


def problem(status: int, code: str, detail: str = "") -> _Handler:
    document = {"type": f"urn:catflap:problem:{code}", "code": code, "detail": detail}
    return lambda _: httpx2.Response(status, json=document)


def failing(error: Exception, cause: Exception | None = None) -> _Handler:
    def fail(_: httpx2.Request) -> httpx2.Response:
        raise error from cause

    return fail


@pytest.mark.parametrize(
    ("handler", "code", "says"),
    [
        (lambda _: httpx2.Response(404, text="nginx"), "not_a_catflap", "is no Catflap"),
        (lambda _: httpx2.Response(200, text="<html>"), "not_a_catflap", "is no Catflap"),
        (lambda _: httpx2.Response(200, json={"client_id": 3}), "not_a_catflap", "is no Catflap"),
        (lambda _: httpx2.Response(200, json=[]), "not_a_catflap", "is no Catflap"),
        (lambda _: httpx2.Response(502, text="Bad Gateway"), "server_unreachable", "answers 502"),
        (
            lambda _: httpx2.Response(308, headers={"Location": "https://mia.example/"}),
            "server_moved",
            "https://mia.example/",
        ),
        (problem(404, "not_found"), "server_too_old", "too old"),
        (problem(405, "method_not_allowed"), "server_too_old", "too old"),
        (problem(404, "desktop_client_missing", "Make one."), "desktop_client_missing", "Make one."),
        (problem(429, "rate_limited", "Later."), "rate_limited", "Later."),
        (problem(429, "rate_limited", "La\x1b]52;c;cm0=\x07ter\x9b.\n"), "rate_limited", "La]52;c;cm0=ter."),
        (problem(418, "of_a_newer_catflap", "Tea."), "of_a_newer_catflap", "Tea."),
        (failing(httpx2.ConnectError("refused")), "server_unreachable", "CATFLAP_HOST=0.0.0.0"),
        (failing(httpx2.ConnectTimeout("late")), "server_unreachable", "firewall"),
        (failing(httpx2.ReadTimeout("late")), "server_unreachable", "firewall"),
        (failing(httpx2.ConnectError("x"), ssl.SSLError("y")), "server_unreachable", "certificate"),
        (failing(httpx2.RemoteProtocolError("x")), "server_unreachable", "speak http there"),
    ],
)
async def test_each_server_that_is_of_no_use_is_told_apart(handler: _Handler, code: str, says: str) -> None:
    error = await error_of(handler)
    assert (error.code, says in error.message) == (code, True), error.message


async def test_another_google_is_refused() -> None:
    """Else a server could lead a person to a page that only looks like Google's."""
    theirs = DesktopClient("id", "openid", "https://accounts.g00gle.example/.well-known/openid-configuration")
    with pytest.raises(CatflapError, match="CATFLAP_GOOGLE_DISCOVERY_URL") as caught:
        check_google(theirs, Settings())
    assert caught.value.code == "another_google"
    check_google(replace(theirs, discovery_url=GOOGLE_DISCOVERY_URL), Settings())


async def test_a_name_that_the_network_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
    error = await error_of(problem(200, ""), "https://mia.example.com")
    assert (error.code, "mia.example.com" in error.message) == ("server_name_unknown", True)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("192.168.1.5:8400", "http://192.168.1.5:8400"),
        ("catflap.local:8400", "http://catflap.local:8400"),
        ("mia.example.com", "https://mia.example.com"),
        ("https://mia.example.com/auth/", "https://mia.example.com/auth"),
        ("http://[fd00::5]:8400", "http://[fd00::5]:8400"),
    ],
)
async def test_the_address_of_a_server_is_completed(given: str, url: str) -> None:
    async with httpx2.AsyncClient() as http:
        assert SignInServer(http, given).url == url


@pytest.mark.parametrize(
    "given",
    [
        "http://mia.example.com",
        "ftp://192.168.1.5",
        "https://a:b@mia.example.com",
        "",
        "https://a/?b",
        "http://x:y",
    ],
)
async def test_an_address_over_which_a_code_must_not_go_is_refused(given: str) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(CatflapError, match="--server") as caught:
            SignInServer(http, given)
    assert caught.value.code == "server_invalid"


@pytest.mark.parametrize(
    ("page", "server", "shown"),
    [
        ("http://127.0.0.1:8400/", "http://192.168.1.5:8400", None),
        ("http://192.168.1.5:8400/", "http://192.168.1.5:8400", "http://192.168.1.5:8400/"),
        ("http://127.0.0.1:8400/", "http://localhost:8400", "http://127.0.0.1:8400/"),
        (None, "http://localhost:8400", None),
    ],
)
async def test_a_page_that_only_the_server_itself_reaches_is_not_offered(
    page: str | None, server: str, shown: str | None
) -> None:
    signed_in: dict[str, Any] = {
        "account": {"email": "a@example.com", "name": None},
        "missing": [],
        "page": page,
        "handover": {"action": "x", "handover": "y"},
    }
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=signed_in))
    async with httpx2.AsyncClient(transport=transport) as http:
        assert (await SignInServer(http, server).redeem({})).page == shown
