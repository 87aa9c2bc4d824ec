"""A client that an independent generator makes of the OpenAPI document is typed, and calls the token API."""

import asyncio
import os
import re
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import RunningApp, running_app
from tests.support.http import http_client

ROOT = Path(__file__).parent.parent.parent
CALLER = ROOT / "tests" / "support" / "generated_client.py"
RETURN_TO = "https://shop.example.com/connected"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the commands of an environment that has the generator."""
    home = tmp_path_factory.mktemp("generator")
    venv.create(home)
    lock = ROOT / "requirements-client-generator.lock"
    # Our own pip installs there; of the packages only a part is imported, and compiled then.
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python", "--disable-pip-version-check")
    command = [*pip, "install", "--quiet", "--no-compile", "--require-hashes", "-r", lock]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Could not find a version" in installed.stderr or "Max retries" in installed.stderr:
        pytest.skip("there is no package index to install the generator from")
    assert installed.returncode == 0, installed.stderr
    return home / "bin"


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path / "catflap", return_urls=(RETURN_TO,)) as opened:
        yield opened


async def run(*command: str | Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def check_types(generator: Path, made: Path, *programs: Path) -> None:
    """Check the client, and programs that use it, as mypy does with strict settings."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--no-incremental"),
        *("--python-executable", generator / "python", made, *programs),
        env={**os.environ, "MYPYPATH": str(made.parent)},
        cwd=made.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    found = [line for line in said.decode().splitlines() if ": error: " in line]
    # The generator's own text, the same for each document.
    ours = [line for line in found if not line.startswith("catflap_api/client.py:")]
    assert ours == [] and b"checked" in said, said.decode()


def documented(url: str, key: str, user_id: int) -> str:
    """Return the example in docs/api.md with an address, key and user that exist."""
    (shown,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    for placeholder, real in (
        ("https://catflap.example.com", url),
        ("catflap_…", key),
        ("sync(17,", f"sync({user_id},"),
    ):
        assert placeholder in shown
        shown = shown.replace(placeholder, real)
    return str(shown)


async def test_a_generated_client_is_typed_and_calls_the_token_api(
    generator: Path, app: RunningApp, tmp_path: Path
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text((await app.client.get("/openapi.json")).text)
    made = tmp_path / "catflap_api"
    await run(
        *(generator / "openapi-python-client", "generate", "--fail-on-warning", "--meta", "none"),
        *("--config", ROOT / "tests" / "support" / "client_generator.yaml"),
        *("--path", document, "--output-path", made),
        PATH=f"{generator}:{os.environ['PATH']}",
    )
    browser = await app.browser()
    await browser.sign_in()
    user_id = (await browser.me())["user_id"]
    key = (await app.api_key("tokens", "users"))["Authorization"].removeprefix("Bearer ")
    example = tmp_path / "example.py"
    example.write_text(documented(app.origin, key, user_id))
    await check_types(generator, made, CALLER, example)

    python = (generator / "python", "-P")
    token = await run(*python, CALLER, app.origin, key, str(user_id), RETURN_TO, PYTHONPATH=str(tmp_path))
    assert (await run(*python, example, PYTHONPATH=str(tmp_path))).startswith(token.strip())
    async with http_client(headers={"Authorization": f"Bearer {token.strip()}"}) as http:
        events = f"{app.catflap.services.settings.google_api_url}/calendar/v3/calendars/primary/events"
        assert (await http.get(events)).status_code == 200
