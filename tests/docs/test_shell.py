"""Commands in the documentation are ones that exist."""

import re

import pytest

from catflap.settings import Settings
from tests.support.doc_blocks import PAGES, ROOT, Block, blocks, commands, words
from tests.support.doc_commands import epilogs, problems, problems_in_text


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_each_command_of_a_block_is_one_that_exists(block: Block) -> None:
    assert [found for line in commands(block.text) for found in problems(line)] == []


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_settings_that_are_shown_are_accepted(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in commands(block.text):
        for name, value in words(line)[0].items():
            monkeypatch.setenv(name, value.replace("…", "x"))
    Settings.read()


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_text_exist(page: str) -> None:
    """Commands between backticks, which may be without arguments; `…` and `COMMAND` stand for some."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    found = re.findall(r"(?<!`)`(catflap [^`\n]+|make [a-z.][^`]*)`(?!`)", text)
    assert [problem for command in found for problem in problems_in_text(command)] == []


def test_the_examples_in_the_help_of_each_command_are_ones_that_exist() -> None:
    examples = [
        line for help_text in epilogs() for line in re.split(r"\s{2,}", help_text) if "catflap " in line
    ]
    assert len(examples) > 20
    assert [problem for line in examples for problem in problems(re.split(" [|&]+ ", line)[0])] == []
