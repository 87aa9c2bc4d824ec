"""Ask the recognisers what they hear; what they said about a sound is kept and not asked again.

They run as programs in an environment of their own, `.venv-recognisers`: `make recognisers` installs it.
"""

import hashlib
import json
import os
import struct
import subprocess
from pathlib import Path
from typing import IO, Any, Self

from bench.intelligibility.word_errors import Sounds, read_dictionary
from bench.records import ROOT

NAMES = ("whisper", "pocketsphinx")
PYTHON = ROOT / ".venv-recognisers" / "bin" / "python"
CACHE = ROOT / ".bench-cache" / "recognised.jsonl"
PROGRAM = Path(__file__).with_name("recognise.py")


class Recogniser:
    """A recogniser in its own process, which starts when it is first needed.

    Args:
        name: One of `NAMES`.
        cache: A file with a line of JSON for each sound; it is made, and read when it is there.
        python: The Python of its environment.
    """

    def __init__(self, name: str, cache: Path = CACHE, python: Path = PYTHON) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, PROGRAM, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        self.about: dict[str, str] = self._read()
        self._cache = cache
        self._known = _read_cache(cache)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _pipe(self._process.stdin).close()
        self._process.wait(30)
        _pipe(self._process.stdout).close()

    def hear(self, pcm: bytes) -> str:
        """Return the words in a sound: PCM s16le, mono, 16 kHz.

        Raises:
            RuntimeError: the program has ended.
        """
        key = hashlib.sha256(self.about["name"].encode() + b"\0" + pcm).hexdigest()
        if key not in self._known:
            self._known[key] = self._ask(pcm)
            self._cache.parent.mkdir(exist_ok=True)
            with self._cache.open("a") as file:
                # The line before is not complete if the program was killed while it wrote.
                file.write("\n" + json.dumps([key, self._known[key]]))
        return self._known[key]

    def dictionary(self) -> Sounds:
        """Return how its dictionary pronounces words."""
        return read_dictionary(Path(self.about["dictionary"]))

    def _ask(self, pcm: bytes) -> str:
        stdin = _pipe(self._process.stdin)
        stdin.write(struct.pack(">I", len(pcm)) + pcm)
        stdin.flush()
        return str(self._read())

    def _read(self) -> Any:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended; `make recognisers` installs it anew")
        return json.loads(line)


def check_installed(python: Path = PYTHON) -> None:
    """Raise FileNotFoundError, which tells how to install them, unless they are."""
    if not python.exists():
        raise FileNotFoundError("The recognisers are not installed (600 MB on disk): make recognisers")


def _read_cache(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    return dict(json.loads(line) for line in file.read_text().splitlines() if _is_complete(line))


def _is_complete(line: str) -> bool:
    return line.endswith('"]')


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
