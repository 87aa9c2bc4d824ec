"""What a command that was interrupted says and returns."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

_PROGRAM = """
import asyncio, typer
from catflap.cli.runner import run
async def work():
    print("begun", flush=True)
    await asyncio.Event().wait()
cli = typer.Typer()
@cli.command()
def command(said: str):
    run(work(), interrupted=said)
cli()
"""


@pytest.mark.parametrize(("said", "code"), [("Nothing was changed.", 130), ("", 0)])
def test_a_command_with_an_end_says_that_it_did_not_reach_it(said: str, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, said], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (code, f"catflap: {said}\n" if said else "")
