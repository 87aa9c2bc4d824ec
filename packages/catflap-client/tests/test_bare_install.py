"""The client with httpx2 alone."""

import subprocess
import sys


def test_the_client_imports_nothing_of_the_server_and_names_its_extra() -> None:
    script = """
import sys
sys.modules["google.auth"] = None
import catflap_client
assert "catflap" not in sys.modules
assert not {"fastapi", "sqlalchemy", "pydantic"} & set(sys.modules)
import catflap_client.google_auth
"""
    ended = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert "pip install 'catflap-client[google]'" in ended.stderr
    assert "AssertionError" not in ended.stderr
