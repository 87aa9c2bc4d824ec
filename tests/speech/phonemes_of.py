"""Asking the program in `phonemes.py`."""

import json
import subprocess
import sys
from pathlib import Path


def phonemes(*questions: tuple[str, str, str]) -> list[str]:
    """eSpeak NG's own phonemes, from a process of its own."""
    program = Path(__file__).with_name("phonemes.py")
    answer = subprocess.run(
        [sys.executable, program], input=json.dumps(questions), capture_output=True, text=True, check=True
    )
    return list(map(str, json.loads(answer.stdout)))
