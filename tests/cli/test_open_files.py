"""The limit of open files is raised as far as the system allows, or the operator is told."""

import subprocess
import sys

_PROGRAM = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200))
from catflap.cli.open_files import raise_open_files
from catflap.errors import OperatorMustAct
raise_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
try:
    raise_open_files(5_000)
except OperatorMustAct as error:
    print(error.code, error.message)
"""


def test_the_soft_limit_becomes_the_hard_one_and_too_low_a_hard_one_is_an_error() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    limits, error = done.stdout.splitlines()
    assert limits == "200 200"
    assert error.startswith("too_few_files") and "5,000" in error and "ulimit" in error
