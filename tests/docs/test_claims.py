"""Every fenced block of the documentation is held by a test."""

import re

import pytest

from tests.support.doc_blocks import CLAIMS, PAGES, ROOT, Block, blocks, claim_of, commands

# Checked by their language, whatever is in them: by which module of this folder.
BY_LANGUAGE = {
    "crontab": "test_configuration",
    "dart": "test_requests",
    "html": "test_requests",
    "http": "test_requests",
    "ini": "test_configuration",
    "js": "test_data",
    "json": "test_data",
    "python": "test_python",
    "sh": "test_shell",
    "toml": "test_data",
    "yaml": "test_data",
}
QUOTED_FROM = ("deploy", "examples", "firmware", "scripts", ".ci")
ADVICE = """
{block}: no test holds this block ({language}).
- Commands are `sh`; tests/docs/test_shell_runs.py says how each is run, or claims.toml which test covers it.
- {by_language} are checked by their language: say the language after the fence.
- A part of a file in {folders} needs nothing, if its lines are exactly those of the file.
- For anything else name the test that runs or compares it in tests/docs/claims.toml.
"""


@pytest.mark.parametrize("page", PAGES)
def test_each_block_is_held_by_a_test(page: str) -> None:
    lost = [block for block in blocks() if block.page == page and not _is_held(block)]
    names = {"by_language": ", ".join(BY_LANGUAGE), "folders": ", ".join(QUOTED_FROM)}
    assert not lost, "".join(
        ADVICE.format(block=block, language=block.language or "no language", **names) for block in lost
    )


def test_each_fence_is_closed_and_of_a_form_that_is_read_here() -> None:
    for page in PAGES:
        fences = re.findall(r"^ *(?:```|~~~)", (ROOT / page).read_text(), re.MULTILINE)
        assert len(fences) == 2 * len([block for block in blocks() if block.page == page]), page


@pytest.mark.parametrize("claim", CLAIMS["block"], ids=lambda claim: f"{claim['page']}-{claim['has'][:20]}")
def test_each_claim_is_about_one_block(claim: dict[str, str]) -> None:
    assert len([block for block in blocks() if block.claim == claim]) == 1


@pytest.mark.parametrize("claim", CLAIMS["line"], ids=lambda claim: claim["line"])
def test_each_line_that_is_checked_otherwise_is_in_the_docs(claim: dict[str, str]) -> None:
    assert any(claim_of(line) == claim for block in blocks("sh") for line in commands(block.text))


@pytest.mark.parametrize("test", sorted({one["test"] for one in CLAIMS["block"] + CLAIMS["line"]}))
def test_each_named_test_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def _is_held(block: Block) -> bool:
    return block.claim is not None or block.language in BY_LANGUAGE or _is_quoted(block)


def _is_quoted(block: Block) -> bool:
    """Whether its lines follow each other in a file."""
    shown = _lines(block.text)
    files = [file for top in QUOTED_FROM for file in (ROOT / top).rglob("*") if file.is_file()]
    return any(shown in _lines(file.read_text(errors="replace")) for file in files)


def _lines(text: str) -> str:
    """The text without the blanks at both ends of its lines."""
    return "\n".join(line.strip() for line in f"\n{text.strip()}\n".splitlines()) + "\n"
