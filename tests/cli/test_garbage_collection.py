"""Long-running commands keep what they loaded at their start out of garbage collections."""

from pathlib import Path

import pytest

from catflap.store.database import Urls
from tests.support.started_process import start_process

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "command", [("serve", "--port", "0", "--no-check"), ("work",)], ids=lambda arguments: arguments[0]
)
def test_a_started_command_collects_only_what_it_made_since(
    database_urls: Urls, tmp_path: Path, command: tuple[str, ...]
) -> None:
    started = start_process(database_urls, tmp_path, *command)
    assert started.frozen > 50_000
    assert started.visited < started.frozen / 50
    assert started.collects
    assert started.collects_later_garbage
