"""Configuration of other programs in the documentation, which these programs themselves read."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.doc_blocks import Block, blocks
from tests.support.doc_commands import problems

_SECTION = re.compile(r"^\[(Unit|Service|Timer|Socket|Install)\]$", re.MULTILINE)


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_commands_of_a_unit_exist(block: Block) -> None:
    assert _SECTION.search(block.text), f"{block}: `ini` is for units of systemd"
    started = re.findall(r"^Exec\w+=[-@:+!]*(?:/\S*/)?(\S.*)$", block.text, re.MULTILINE)
    assert [problem for line in started for problem in problems(line)] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="NO SYSTEMD: `apt install systemd` brings it")
@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_systemd_reads_a_unit(block: Block, tmp_path: Path) -> None:
    kind = "timer" if "[Timer]" in block.text else "service"
    unit = tmp_path / f"catflap@1.{kind}"
    # Programs and users are not here.
    runnable = re.sub(r"^(Exec\w+)=.*$", r"\1=/bin/true", block.text, flags=re.MULTILINE)
    unit.write_text(re.sub(r"^(User|Group)=.*\n", "", runnable, flags=re.MULTILINE))
    (tmp_path / "catflap@1.service").touch()
    if kind == "timer":
        (tmp_path / "catflap@1.service").write_text("[Service]\nExecStart=/bin/true\n")
    read = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert str(unit) not in read.stderr and read.returncode == 0, read.stderr


@pytest.mark.parametrize("block", blocks("crontab"), ids=str)
def test_a_line_of_a_crontab_has_five_times_and_a_command_that_exists(block: Block) -> None:
    for line in block.text.splitlines():
        *times, command = line.split(maxsplit=5)
        assert len(times) == 5 and all(re.fullmatch(r"[\d*,/-]+", time) for time in times), line
        assert problems(re.split(" [>|&]+ ", command)[0]) == []
