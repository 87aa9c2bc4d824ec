"""pytest plugin: the fixture `google_sandbox`, a running sandbox for each test that asks for it.

It is loaded in every test run of an environment that has this package, so it imports the sandbox only when
the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from google_sandbox.sandbox import Sandbox

_PORT = "google_sandbox_port"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `google_sandbox_port` to pytest's configuration file."""
    parser.addini(
        _PORT,
        "port of the fixture google_sandbox; 0, the default, takes a free one for each test",
        default="0",
    )


@pytest.fixture
def google_sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """A local Google on a real socket, in a thread, so that blocking clients can use it too.

    `google_sandbox.base_url` is its address. Register your OAuth client with `add_client` and people with
    `add_account`.
    """
    sandbox, port = _new_sandbox(), _configured_port(pytestconfig)
    running = sandbox.serve_in_thread(port=port)
    problem = None
    try:
        running.__enter__()
    except OSError as error:
        problem = error
    if problem is not None:
        advice = f"Stop what uses it, or remove {_PORT} from your pytest configuration to take a free port."
        pytest.fail(f"google_sandbox cannot start: {problem}. {advice}", pytrace=False)
    try:
        yield sandbox
    finally:
        running.__exit__(None, None, None)


def _new_sandbox() -> Sandbox:
    missing = ""
    try:
        return cast("Sandbox", import_module("google_sandbox.sandbox").Sandbox())
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
    pytest.fail(
        f"google_sandbox cannot start: the package {missing!r} is not installed. "
        "Install what it depends on with: pip install google-sandbox",
        pytrace=False,
    )


def _configured_port(config: pytest.Config) -> int:
    text = str(config.getini(_PORT))
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise pytest.UsageError(f"{_PORT} must be a port number, not {text!r}")
    return int(text)
