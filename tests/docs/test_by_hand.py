"""docs/sandbox.md: Catflap and a local Google, started by hand as the page says."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from catflap.cli.sockets import bind, port_of
from tests.docs.conftest import Stage
from tests.support.doc_blocks import blocks, commands
from tests.support.http import http_client

pytestmark = pytest.mark.slow


async def test_a_catflap_runs_against_a_sandbox_of_its_own(stage: Stage) -> None:
    (block,) = [one for one in blocks("sh") if one.text.startswith("catflap sandbox --port 8401")]
    ports = {"8401": str(_free_port()), "8400": str(_free_port())}
    sandbox, serve = (_with_ports(line, ports) for line in commands(block.text))
    async with _started(stage, sandbox), _started(stage, serve), http_client(timeout=30) as http:
        origin = f"http://127.0.0.1:{ports['8400']}"
        assert (await http.get(f"{origin}/readyz")).json() == {"status": "ready"}
        to_google = (await http.get(f"{origin}/signin/google?scopes=calendar")).headers["Location"]
        assert to_google.startswith(f"http://127.0.0.1:{ports['8401']}/o/oauth2/v2/auth?")
        assert (await http.get(to_google)).status_code == 200


def _free_port() -> int:
    with bind("127.0.0.1", 0) as listener:
        return port_of(listener)


def _with_ports(line: str, ports: dict[str, str]) -> str:
    for shown, free in ports.items():
        line = line.replace(shown, free)
    return re.sub(r"\bcatflap (?=sandbox|serve)", "exec catflap ", line)


@asynccontextmanager
async def _started(stage: Stage, line: str) -> AsyncIterator[None]:
    """Run a command until the end of the block; it has started when it prints its first line."""
    log = (stage.folder / "log").open("a")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line),
        cwd=stage.folder,
        env=stage.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    log.close()
    assert process.stdout
    try:
        assert await process.stdout.readline(), (stage.folder / "log").read_text()
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), 30)
