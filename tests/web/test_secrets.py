"""No code, token, state, verifier or nonce is ever found where it doesn't belong."""

import logging
import re
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.support.app_client import BOB, Browser, RunningApp
from tests.support.signin import back_from_google, changed, error_of
from tests.support.signin_codes import BARE, id_token

AT_GOOGLE = re.compile(r"http://127\.0\.0\.1:\d+/o/oauth2/v2/auth\?")


def secrets_of(app: RunningApp, browsers: list[Browser]) -> dict[str, str]:
    """Everything secret that was made on the way, by what it is."""
    google = app.sandbox.state.grants
    found = {f"code {n}": value for n, value in enumerate(google.codes)}
    found |= {f"refresh token {n}": value for n, value in enumerate(google.refresh_tokens)}
    found |= {f"access token {n}": value for n, value in enumerate(google.access_tokens)}
    found |= {
        f"challenge {n}": code.challenge for n, code in enumerate(google.codes.values()) if code.challenge
    }
    for number, browser in enumerate(browsers):
        for response in browser.seen:
            for name in ("state", "nonce"):
                for value in parse_qs(urlsplit(str(response.url)).query).get(name, []):
                    found[f"{name} {number} {value[:4]}"] = value
            for name, value in response.cookies.items():
                if name.startswith("catflap_") and value:
                    found[f"cookie {number} {value[:4]}"] = value
    return found


async def mistakes(app: RunningApp, browser: Browser) -> None:
    """Go wrong in every way that has a message."""
    back = await back_from_google(browser)
    for wrong in ({"state": "0Acanary-state"}, {"iss": "https://evil.example"}, {"code": "4/0Acanary"}):
        await browser.get(changed(back, **wrong))
        back = await back_from_google(browser)
    app.sandbox.fault("oauth.token*", garbage=True, times=1)
    await browser.get(back)
    app.sandbox.fault("oauth.token*", error="invalid_client", times=1)
    await browser.get(await back_from_google(browser))
    await browser.get(await back_from_google(browser, deny=True))


async def test_no_secret_is_found_where_it_does_not_belong(
    app: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    alice, bob = await app.browser(), await app.browser(BOB)
    with capture_logs() as said:
        answers, secret = await _everything(app, alice, bob)
    sinks = {"the log": str(said) + _libraries(caplog.records, app), "the database": await app.dump()}
    for response in [*alice.seen, *bob.seen, *answers]:
        if str(response.url).startswith(app.origin):
            sinks[f"{response.request.method} {response.url.path} {len(sinks)}"] = _public(response)
    assert {name.split()[0] for name in secret} >= {"code", "refresh", "access", "state", "nonce", "cookie"}
    assert "signin_failed" in sinks["the log"]
    for name, value in secret.items():
        for sink, text in sinks.items():
            assert value not in text, f"{name} is in {sink}"


async def _everything(
    app: RunningApp, alice: Browser, bob: Browser
) -> tuple[list[httpx2.Response], dict[str, str]]:
    """Go all the ways in, right and wrong; the answers, and what was secret on the way."""
    await mistakes(app, alice)
    assert error_of(await alice.sign_in()) is None
    await alice.sign_in("/signin/google?scopes=drive.appdata")
    credential = id_token(app)
    answers: list[httpx2.Response] = [
        await app.client.post("/signin/google/code", json={"client": "native", "code": app.native_code()}),
        await app.client.post(
            "/storeauthcode", content=app.popup_code(), headers={**app.page_headers(), **BARE}
        ),
        await bob.send(
            "POST", "/signin/google/credential", json={"credential": credential}, headers=app.page_headers()
        ),
    ]
    bearer = answers[0].json()["token"]
    for body in ({"client": "native", "code": "4/0Acanary"}, {"client": "native", "more": "4/0Acanary"}):
        answers.append(await app.client.post("/signin/google/code", json=body))
    wrong = {"credential": credential[:-9] + "canaryAAA"}
    answers.append(await app.client.post("/signin/google/credential", json=wrong, headers=app.page_headers()))
    await alice.get("/v1/me/export")

    secret = {**secrets_of(app, [alice, bob]), "ID token": credential.split(".")[2], "bearer": bearer}
    return answers, {**secret, "canary": "0Acanary"}


def _libraries(records: list[logging.LogRecord], app: RunningApp) -> str:
    """What libraries logged, without the lines that the tests' own browsers caused."""
    lines = []
    for record in records:
        line = record.getMessage()
        browsers = line.startswith(f"HTTP Request: GET {app.origin}") or "/o/oauth2/" in line
        if not browsers and not record.name.startswith("httpcore2"):
            lines.append(line)
    return "\n".join(lines)


def _public(response: httpx2.Response) -> str:
    """An answer without the places that secrets are meant for."""
    location = response.headers.get("Location", "")
    if AT_GOOGLE.match(location):
        # State, nonce and challenge belong to the address at Google; a verifier never does.
        location = "to Google"
    headers = [
        f"{name}: {value}"
        for name, value in response.headers.items()
        if name not in ("location", "set-cookie")
    ]
    body = re.sub(r'"token":"[^"]+"', "", response.text)
    return "\n".join([location, *headers, body])
