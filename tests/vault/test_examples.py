"""The examples run, and google-auth credentials behave as documented."""

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from google.auth import _helpers, exceptions

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.clock import FixedClock
from catflap.vault.credentials import vault_credentials
from catflap_client import GoogleAuth, UserMustAct
from catflap_client.google_auth import google_credentials
from tests.vault.conftest import ExpireToken, Google, GrantConsent, TokenApi

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
SCOPES = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/drive.appdata",
)


@pytest.fixture
async def url(api: TokenApi) -> AsyncIterator[str]:
    """The token API on a real socket."""
    listener = bind("127.0.0.1", 0)
    async with serving(api.app, listener):
        yield f"http://127.0.0.1:{port_of(listener)}"


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch, clock: FixedClock) -> None:
    """Let google-auth tell whether a token is valid by the clock that the token's expiry was made with."""
    monkeypatch.setattr(_helpers, "utcnow", lambda: clock.now().replace(tzinfo=None))


async def _key(api: TokenApi, *rights: str) -> str:
    return (await api.key(*rights))["Authorization"].removeprefix("Bearer ")


def _example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_googles_python_client_works_while_the_user_is_away(
    api: TokenApi, grant_consent: GrantConsent, google: Google, url: str
) -> None:
    grant, key = await grant_consent(scopes=SCOPES), await _key(api, "tokens")
    example = _example("google_credentials")
    event, mood = await asyncio.to_thread(example.main, url, grant.user_id, key, google.url)
    assert mood == "purr"
    assert event in [one["id"] for one in google.sandbox.events("anna@example.com")]
    _, again = await asyncio.to_thread(example.main, url, grant.user_id, key, google.url)
    assert again == "purr"


async def test_googles_node_client_works_while_the_user_is_away(
    api: TokenApi, grant_consent: GrantConsent, google: Google, url: str, tmp_path: Path
) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no Node.js here")
    for name in ("package.json", "index.mjs"):
        shutil.copy(EXAMPLES / "node" / name, tmp_path)
    code, output = await _run(tmp_path, npm, "install", "--no-audit", "--no-fund", "--silent")
    if code:
        pytest.skip("npm can't install the example's packages here")
    grant, key = await grant_consent(scopes=SCOPES), await _key(api, "tokens")
    code, output = await _run(tmp_path, node, "index.mjs", url, str(grant.user_id), key, google.url)
    assert code == 0, output
    assert "read: purr" in output
    assert key not in output


async def test_credentials_replace_a_token_that_google_refused(
    api: TokenApi, grant_consent: GrantConsent, google: Google, url: str, clock: FixedClock
) -> None:
    grant, key = await grant_consent(), await _key(api, "tokens")
    credentials = google_credentials(grant.user_id, url=url, api_key=key)
    await asyncio.to_thread(credentials.refresh, None)
    first = credentials.token
    assert credentials.valid
    await asyncio.to_thread(credentials.refresh, None)
    assert credentials.token != first
    assert google.refreshes() == 1
    clock.advance(timedelta(hours=1))
    assert not credentials.valid
    with pytest.raises(TypeError):
        credentials.__reduce__()


async def test_credentials_of_an_invalid_grant_raise_the_refresh_error_of_google_auth(
    api: TokenApi, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google, url: str
) -> None:
    grant, key = await grant_consent(), await _key(api, "tokens")
    await expire_token(grant)
    google.revoke_access()
    credentials = google_credentials(grant.user_id, url=url, api_key=key)
    with pytest.raises(exceptions.RefreshError) as caught:
        await asyncio.to_thread(credentials.refresh, None)
    assert caught.value.args[0] == "reconsent_required" and not caught.value.retryable


async def test_credentials_inside_the_process_need_no_http(
    api: TokenApi, grant_consent: GrantConsent
) -> None:
    grant = await grant_consent()
    credentials = vault_credentials(api.services.vault, grant.user_id)
    await asyncio.to_thread(credentials.refresh, None)
    assert credentials.valid
    nobody = vault_credentials(api.services.vault, grant.user_id + 1)
    with pytest.raises(exceptions.RefreshError) as caught:
        await asyncio.to_thread(nobody.refresh, None)
    assert caught.value.args[0] == "not_found"


async def test_httpx2_authenticates_and_tries_once_more(
    api: TokenApi, grant_consent: GrantConsent, google: Google, url: str, clock: FixedClock
) -> None:
    grant, key = await grant_consent(), await _key(api, "tokens")
    events = f"{google.url}/calendar/v3/calendars/primary/events"
    async with httpx2.AsyncClient(
        auth=GoogleAuth(grant.user_id, url=url, api_key=key, now=clock.now)
    ) as http:
        assert (await http.get(events)).status_code == 200
        google.trouble(endpoint="calendar.*", status=401, times=1)
        assert (await http.get(events)).status_code == 200
        assert (await http.get(events)).status_code == 200
        assert google.refreshes() == 1

    def blocking() -> int:
        with httpx2.Client(auth=GoogleAuth(grant.user_id, url=url, api_key=key)) as http:
            return http.get(events).status_code

    assert await asyncio.to_thread(blocking) == 200


async def test_httpx2_raises_for_an_invalid_grant(
    api: TokenApi, grant_consent: GrantConsent, expire_token: ExpireToken, google: Google, url: str
) -> None:
    grant, key = await grant_consent(), await _key(api, "tokens")
    await expire_token(grant)
    google.revoke_access()
    async with httpx2.AsyncClient(auth=GoogleAuth(grant.user_id, url=url, api_key=key)) as http:
        with pytest.raises(UserMustAct):
            await http.get(f"{google.url}/calendar/v3/calendars/primary/events")


async def _run(folder: Path, *command: str) -> tuple[int | None, str]:
    pipe: Any = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
