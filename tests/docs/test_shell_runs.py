"""Commands in the documentation run, from the built wheel, and what they changed or wrote is looked at."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.docs.conftest import Stage
from tests.support.doc_blocks import Block, blocks, claim_of, commands, words


def _nothing(_: Stage) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Run:
    """How a block is run.

    Attributes:
        page: the page of the block.
        begins: the beginning of its first command that is run.
        writes: what its output must match.
        prepare: makes files that it needs, and returns what is put in for placeholders of its own.
        leaves: a file in the folder that must be there afterwards.
    """

    page: str
    begins: str
    writes: str
    prepare: Callable[[Stage], dict[str, str]] = _nothing
    leaves: str = ""


def _refresh_tokens(stage: Stage) -> dict[str, str]:
    sandbox = stage.app.sandbox
    client = next(iter(sandbox.state.clients))
    token = sandbox.grant("bob@example.com", client, ["openid", "email"])["refresh_token"]
    (stage.folder / "tokens.csv").write_text(f"user_id,refresh_token\n170,{token}\n")
    return {}


def _event_due_soon(stage: Stage) -> dict[str, str]:
    whole_day = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
    stage.app.sandbox.add_account("mia@example.com")
    event = {"id": "duesoon", "summary": "Tea with Mia", **whole_day}
    stage.app.sandbox.insert_event("mia@example.com", event)
    return {"http://127.0.0.1:8401": stage.app.sandbox.base_url}


RUNS = [
    Run("docs/api.md", "curl -o openapi.json", "", leaves="openapi.json"),
    Run("docs/watching.md", "catflap apikeys create", r"\ncatflap_\w+"),
    Run("docs/sandbox.md", "events=", r'"summary": ?"Cake with Mia"(?s:.*)"events": \[\]', _event_due_soon),
    Run("docs/vault.md", "catflap apikeys create", '"access_token": ?"ya29'),
    Run("docs/vault.md", "curl -H", '"kind": ?"calendar#events"'),
    Run("docs/vault.md", "catflap import tokens.csv", "1\t170\timported", _refresh_tokens),
    Run("docs/voices.md", "catflap say", r"kansai(?s:.*)mia\.wav", leaves="tea.mp3"),
]


def _of(block: Block) -> list[str]:
    """Return the commands of a block that run here: not those of claims.toml, installations and settings."""
    return [line for line in commands(block.text) if not _is_checked_otherwise(line)]


def _is_checked_otherwise(line: str) -> bool:
    _, called = words(line)
    ours = [line] if "events=" in line else []  # a variable that later lines use
    return not ours and (not called or called[0] in ("pip", "pipx", "unset") or claim_of(line) is not None)


def _runs(block: Block) -> list[Run]:
    first = _of(block)[0]
    return [run for run in RUNS if run.page == block.page and first.startswith(run.begins)]


RUNNABLE = [block for block in blocks("sh") if _of(block)]


@pytest.mark.parametrize("block", RUNNABLE, ids=str)
def test_it_is_told_how_a_block_runs(block: Block) -> None:
    assert len(_runs(block)) == 1, (
        f"{block}: add to RUNS what {_of(block)[0]!r} must write, or name its test in claims.toml"
    )


@pytest.mark.slow  # starts an application, and commands
@pytest.mark.parametrize("block", [block for block in RUNNABLE if _runs(block)], ids=str)
async def test_a_block_does_what_the_page_says(block: Block, stage: Stage) -> None:
    (run,) = _runs(block)
    placeholders = run.prepare(stage)
    written = await stage.shell(stage.real("\n".join(_of(block)), placeholders))
    assert re.search(run.writes, written), written
    assert not run.leaves or (stage.folder / run.leaves).stat().st_size > 0


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.page}-{run.begins}")
def test_each_entry_is_about_a_block(run: Run) -> None:
    firsts = [(block.page, _of(block)[0]) for block in RUNNABLE]
    assert [first for page, first in firsts if page == run.page and first.startswith(run.begins)]
