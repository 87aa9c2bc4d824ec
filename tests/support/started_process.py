"""Start a command in a process of its own, and look into that process when it has started."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from catflap.store.database import Urls
from tests.support.voices import quick_voices

# Every long-running command calls `typer.echo` once, when it has started.
_PROGRAM = """
import gc, json, os, signal, sys, weakref
import typer
from catflap.cli import main

class Node:
    pass

def cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)

def report(*_, **__):
    found = {
        "frozen": gc.get_freeze_count(),
        "visited": len(gc.get_objects()),
        "collects": gc.isenabled(),
        "modules": sorted(sys.modules),
    }
    later = cycle()
    gc.collect()
    print(json.dumps({**found, "collects_later_garbage": later() is None}), flush=True)
    os.kill(os.getpid(), signal.SIGINT)

typer.echo = report
main()
"""


@dataclass(frozen=True)
class StartedProcess:
    """What is in a process when its command has started.

    Attributes:
        frozen: objects that no garbage collection visits.
        visited: objects that a full garbage collection visits.
        collects: whether garbage is collected by itself.
        collects_later_garbage: whether a full collection frees a reference cycle made after the start.
        modules: names of all imported modules.
    """

    frozen: int
    visited: int
    collects: bool
    collects_later_garbage: bool
    modules: list[str]


def start_process(urls: Urls, data_dir: Path, *arguments: str, **environment: str) -> StartedProcess:
    """Start `catflap` with these arguments, stop it when it has started, and return what was in it."""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("CATFLAP_", "GOOGLE_"))
    }
    settings = {
        "CATFLAP_DATA_DIR": str(data_dir),
        "CATFLAP_DATABASE_URL": urls.app.render_as_string(hide_password=False),
        "CATFLAP_VAULT_DATABASE_URL": urls.vault.render_as_string(hide_password=False),
        "CATFLAP_VOICES": quick_voices(),
        "GOOGLE_CLIENT_ID": "4711.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": "GOCSPX-a-made-up-secret",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env={**plain, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return StartedProcess(**json.loads(done.stdout))
