"""`catflap serve` of the built wheel as a process, with a sandbox Google that runs in the test."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google_sandbox import Sandbox
from tests.support.processes import interrupt, run_command
from tests.support.voices import quick_voices
from tests.support.wheel import InstalledWheel

CLIENT_ID, CLIENT_SECRET, ALICE = "moving-client", "moving-secret", "alice@example.com"


@dataclass(frozen=True)
class Home:
    """A machine with an installation: its commands run with its data directory and settings."""

    installed: InstalledWheel
    data_dir: Path
    settings: dict[str, str]

    @contextlib.contextmanager
    def serve(self, *options: str) -> Iterator[str]:
        """Serve on a free port, and yield the origin; SIGINT at the end."""
        log = self.data_dir.parent / f"{self.data_dir.name}.log"
        with log.open("ab") as stderr:
            process = subprocess.Popen(
                [self.installed.catflap, "serve", "--port", "0", "--no-check", *options],
                cwd=self.data_dir.parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
            try:
                assert process.stdout is not None
                origin = process.stdout.readline().strip()
                assert origin, log.read_text()
                yield origin
            finally:
                interrupt(process)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of who runs the tests but what programs need, and the settings."""
        kept = {
            name: value
            for name, value in self.installed.environment().items()
            if not name.startswith(("CATFLAP_", "GOOGLE_"))
        }
        return {**kept, **self.settings, "CATFLAP_DATA_DIR": str(self.data_dir)}

    def refusal(self, *arguments: object, code: int, **settings: str) -> str:
        """Run a command that must end with `code`, and return what it says; quick, without the wheel."""
        environment = {**self.environment, **settings}
        ended = run_command(*map(str, arguments), cwd=self.data_dir.parent, environment=environment)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stderr.removeprefix("catflap: ")

    def run(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [self.installed.catflap, *map(str, arguments)],
            cwd=self.data_dir.parent,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def home(installed: InstalledWheel, sandbox: Sandbox, data_dir: Path, **settings: str) -> Home:
    """A machine whose Google is `sandbox`."""
    google = {
        "CATFLAP_GOOGLE_DISCOVERY_URL": sandbox.base_url + "/.well-known/openid-configuration",
        "CATFLAP_GOOGLE_API_URL": sandbox.base_url,
        "CATFLAP_VOICES": quick_voices(),
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
    }
    return Home(installed, data_dir, {**google, **settings})
