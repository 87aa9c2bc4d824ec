"""A local Google for tests and demos: OAuth, OpenID Connect, Calendar, Drive, push and security events.

    from google_sandbox import Sandbox

    sandbox = Sandbox()
    with sandbox.serve_in_thread() as base_url:  # or: async with sandbox.serve() as base_url
        ...

The names are loaded when they are first used, so that the pytest plugin costs nothing in test runs that do
not ask for its fixture.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google_sandbox.http_server import ListenError
    from google_sandbox.models import SandboxAccount
    from google_sandbox.sandbox import Sandbox

__all__ = ["ListenError", "Sandbox", "SandboxAccount"]

_MODULES = {
    "ListenError": "google_sandbox.http_server",
    "Sandbox": "google_sandbox.sandbox",
    "SandboxAccount": "google_sandbox.models",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
