"""What docs/sandbox.md promises: tests that exist, methods that exist, and ten lines that run."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from google_sandbox import Sandbox
from google_sandbox.admin.openapi import summary_of
from google_sandbox.admin.operations import operations

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "test_my_google_app.py"


def test_every_test_named_in_the_docs_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    sources = [path.read_text("utf-8") for path in (ROOT / "tests" / "sandbox").rglob("test_*.py")]
    defined = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    assert len(named) > 80
    assert named - defined == set()


def test_the_table_of_methods_and_paths_is_the_one_made_from_the_methods() -> None:
    rows = [
        f"| `{one.name}` | `{one.route.verb} /sandbox/{one.route.path}` | {summary_of(one.documentation)} |"
        for one in operations(Sandbox)
    ]
    table = "\n".join(["| method | HTTP | |", "|---|---|---|", *rows])
    assert table in PAGE, f"put this into the page:\n{table}"


def test_every_admin_path_in_the_page_is_served() -> None:
    served = {re.sub(r"\{\w+\}", "{}", e.path) for e in Sandbox().app.routes.endpoints}
    named = {re.sub(r"\{\w+\}", "{}", path) for path in re.findall(r"(/sandbox/[\w/{}.-]+\w}?)", PAGE)}
    assert named <= served


def test_every_magic_account_is_in_the_docs(sandbox: Sandbox) -> None:
    for name in (
        "revoked",
        "rapt",
        "admin",
        "quota",
        "flaky",
        "dropped",
        "garbled",
        "slow",
        "gone",
        "untick",
    ):
        assert f"`{name}@`" in PAGE


def test_the_ten_lines_are_those_of_the_example_and_run() -> None:
    body = EXAMPLE.read_text("utf-8").partition("\n\n\n")[2].strip()
    assert body in PAGE
    command = [sys.executable, "-m", "pytest", "-q", str(EXAMPLE), "-p", "no:cacheprovider"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def recipe(language: str) -> str:
    """Return the page's only block in a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return block


async def run_recipe(sandbox: Sandbox, *command: str) -> list[str]:
    """Run a program with the variables the page names; return the lines it printed."""
    client = {"CLIENT_ID": "sandbox.apps.googleusercontent.com", "CLIENT_SECRET": "GOCSPX-sandbox"}
    sandbox.add_client(*client.values(), ["http://localhost"])
    sandbox.add_account("mia@example.com")
    async with sandbox.serve() as base:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, **client, "SANDBOX": base},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
async def test_the_curl_recipe_runs() -> None:
    printed = await run_recipe(Sandbox(), "bash", "-euo", "pipefail", "-c", recipe("bash"))
    assert printed == ["Tea", "mia@example.com", "https://www.googleapis.com/auth/calendar"]


@pytest.mark.skipif(
    not (shutil.which("node") and (ROOT / "node_modules" / "googleapis").is_dir()),
    reason="needs node, and `npm install --no-save googleapis`",
)
async def test_the_node_recipe_runs() -> None:
    printed = await run_recipe(Sandbox(), "node", "--input-type=module", "-e", recipe("js"))
    assert printed == ["mia@example.com sandbox.apps.googleusercontent.com", "Tea", "5"]
