"""The pages of this package: the tests, methods and paths they name exist, and their recipes run."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from google_sandbox import Sandbox
from google_sandbox.admin.openapi import summary_of
from google_sandbox.admin.operations import operations

PACKAGE = Path(__file__).resolve().parents[1]
README, BEHAVIOUR, RECIPES = (
    (PACKAGE / page).read_text("utf-8") for page in ("README.md", "docs/behaviour.md", "docs/recipes.md")
)


def test_every_test_named_in_the_docs_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", BEHAVIOUR))
    sources = [path.read_text("utf-8") for path in (PACKAGE / "tests").rglob("test_*.py")]
    defined = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    assert len(named) > 80
    assert named - defined == set()


@pytest.mark.parametrize(
    "page", [PACKAGE / "README.md", *(PACKAGE / "docs").glob("*.md")], ids=lambda page: page.name
)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_table_of_methods_and_paths_is_the_one_made_from_the_methods() -> None:
    rows = [
        f"| `{one.name}` | `{one.route.verb} /sandbox/{one.route.path}` | {summary_of(one.documentation)} |"
        for one in operations(Sandbox)
    ]
    table = "\n".join(["| method | HTTP | |", "|---|---|---|", *rows])
    assert table in README, f"put this into README.md:\n{table}"


def test_every_admin_path_in_the_page_is_served() -> None:
    served = {re.sub(r"\{\w+\}", "{}", e.path) for e in Sandbox().app.routes.endpoints}
    named = {
        re.sub(r"\{\w+\}", "{}", path) for path in re.findall(r"(/sandbox/[\w/{}.-]+\w}?)", README + RECIPES)
    }
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
        assert f"`{name}@`" in README


def recipe(language: str) -> str:
    """Return the page's only block in a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", RECIPES, re.S)
    return block


async def run_recipe(sandbox: Sandbox, *command: str) -> list[str]:
    """Run a program with the variables the page names; return the lines it printed."""
    client = {"CLIENT_ID": "sandbox.apps.googleusercontent.com", "CLIENT_SECRET": "GOCSPX-sandbox"}
    sandbox.add_client(*client.values(), ["http://localhost"])
    sandbox.add_account("mia@example.com")
    async with sandbox.serve() as base:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=PACKAGE,
            env={**os.environ, **client, "SANDBOX": base},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
async def test_the_curl_recipe_runs() -> None:
    printed = await run_recipe(Sandbox(), "bash", "-euo", "pipefail", "-c", recipe("bash"))
    assert printed == ["Tea", "mia@example.com", "https://www.googleapis.com/auth/calendar"]


@pytest.mark.skipif(
    not (shutil.which("node") and (PACKAGE / "node_modules" / "googleapis").is_dir()),
    reason="needs node, and `npm install --no-save googleapis`",
)
async def test_the_node_recipe_runs() -> None:
    printed = await run_recipe(Sandbox(), "node", "--input-type=module", "-e", recipe("js"))
    assert printed == ["mia@example.com sandbox.apps.googleusercontent.com", "Tea", "5"]
