"""What a process does that is `catflap`, forked from one that has imported all commands."""

import os
import sys
from importlib import import_module
from pathlib import Path

from catflap.cli import COMMANDS, main

for _command in COMMANDS.values():
    import_module(_command.module)


def run(arguments: tuple[str, ...], cwd: str, environment: dict[str, str], output: str) -> None:
    """Be `catflap` with these arguments, and write to the files `stdout` and `stderr` in `output`."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        with Path(output, name).open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["catflap", *arguments]
    main()
