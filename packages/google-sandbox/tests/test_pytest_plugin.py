"""The pytest plugin: its fixture, and what it says when the sandbox cannot start."""

from __future__ import annotations

import socket
import threading
import urllib.request
from pathlib import Path

import httpx2
import pytest

from google_sandbox import Sandbox

pytestmark = pytest.mark.slow
pytest_plugins = ["pytester"]
TEST = """
import urllib.request

def test_discovery(google_sandbox):
    with urllib.request.urlopen(google_sandbox.base_url + "/.well-known/openid-configuration") as answer:
        assert answer.status == 200
"""


def test_a_blocking_client_reaches_it(google_sandbox: Sandbox) -> None:
    with urllib.request.urlopen(google_sandbox.base_url + "/.well-known/openid-configuration") as answer:
        assert answer.status == 200


async def test_an_async_client_reaches_it_too(google_sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient() as http:
        document = (await http.get(google_sandbox.base_url + "/.well-known/openid-configuration")).json()
    assert document["token_endpoint"].startswith(google_sandbox.base_url)


def test_an_environment_with_the_distribution_has_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def test_a_taken_port_fails_the_test_with_advice(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        pytester.makeini(f"[pytest]\ngoogle_sandbox_port = {port}\n")
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"google_sandbox cannot start: port {port} on 127.0.0.1 is taken. "
            "Stop what uses it, or remove google_sandbox_port from your pytest configuration*"
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_port_of_ones_own_is_used(pytester: pytest.Pytester) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pytester.makepyfile(f"def test_port(google_sandbox): assert google_sandbox.base_url.endswith(':{port}')")
    pytester.makeini(f"[pytest]\ngoogle_sandbox_port = {port}\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_port_that_is_no_number_is_a_usage_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.makeini("[pytest]\ngoogle_sandbox_port = many\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert "google_sandbox_port must be a port number, not 'many'" in result.stdout.str()


def test_a_missing_dependency_fails_the_test_with_its_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.makeconftest("import sys\nsys.modules['icalendar'] = None")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "google_sandbox cannot start: the package 'icalendar' is not installed. "
            "Install what it depends on with: pip install google-sandbox"
        ]
    )
    assert "During handling" not in result.stdout.str()


def test_the_plugin_loads_nothing_in_runs_that_do_not_use_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\ndef test_light(): assert not {'starlette', 'icalendar', 'jinja2'} & set(sys.modules)"
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:schemathesis")
    result.assert_outcomes(passed=1)


def test_what_goes_wrong_in_the_thread_is_raised_where_it_was_started(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    sandbox = Sandbox(state_file=folder / "state.json")
    with pytest.raises(FileNotFoundError), sandbox.serve_in_thread():
        folder.rmdir()
    assert [thread for thread in threading.enumerate() if thread.name == "google-sandbox"] == []
