"""A PostgreSQL of a test's own, that it may stop, kill, freeze and start again."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from catflap.store.database import Urls
from catflap.store.embedded import EmbeddedServer


class OwnPostgres:
    """Real server processes on a directory of their own; it keeps its address over restarts."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._server = EmbeddedServer(data_dir)
        self.urls: Urls = self._server.start()

    @property
    def pid(self) -> int:
        """The postmaster."""
        return int((self._data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends sessions in order, SIGQUIT cuts them off, SIGKILL is a crash."""
        processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        processes[0].send_signal(how)
        if how is signal.SIGKILL:
            for process in processes[1:]:
                _kill(process)
        psutil.wait_procs(processes, timeout=30)

    def start(self) -> None:
        """Start again, on the same directory; recovery included."""
        self._server = EmbeddedServer(self._data_dir)
        self._server.start()

    def freeze(self, frozen: bool = True) -> None:
        """Let every process stand still, as a host does that went away without a word; or go on."""
        parent = psutil.Process(self.pid)
        for process in [parent, *parent.children(recursive=True)]:
            os.kill(process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        self._server.stop()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A server for as long as the context is open."""
    # Not under pytest's folder: run as root, the next pytest to start shuts that to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="catflap-test-", ignore_cleanup_errors=True) as folder:
        server = OwnPostgres(Path(folder))
        try:
            yield server
        finally:
            server.close()


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
