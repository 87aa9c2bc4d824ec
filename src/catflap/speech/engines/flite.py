"""The Flite engine program, for English, with the program `flite` of the system.

Flite reads only ASCII and drops all else, so the text is rewritten first. It gets the text through its
standard input, because all users of a machine can see the arguments of a program. It runs once for each text,
and is killed with this process or ended by its limits.
"""

import resource
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Mapping

import numpy as np

from catflap.speech.engines.ascii_text import plain_letters
from catflap.speech.engines.serving import Samples, serve

_CPU_SECONDS, _SECONDS = 10, 15


def speak(text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
    """Return samples and their rate.

    `voice` may have `voice`, `stretch` (of the duration), `hertz` (the mean fundamental) and `tempo`.
    """
    stretch = float(voice.get("stretch", 1.0)) / float(voice.get("tempo", 1.0))
    command = [shutil.which("flite") or "flite", "-voice", str(voice.get("voice", "slt"))]
    command += ["--setf", f"duration_stretch={stretch:.3f}"]
    if "hertz" in voice:
        command += ["--setf", f"int_f0_target_mean={float(voice['hertz']):.0f}"]
    # A file without a name, because Flite goes back in its output to write the header.
    with tempfile.TemporaryFile() as output:
        subprocess.run(  # noqa: S603 - its arguments are settings of phrasebooks
            [*command, "-f", "-", "-o", "/dev/stdout"],
            input=plain_letters(text).encode("ascii"),
            stdout=output,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
            preexec_fn=_limit_cpu,
        )
        output.seek(0)
        with wave.open(output, "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return samples.astype(np.float32) / np.float32(32768), file.getframerate()


def _limit_cpu() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))


if __name__ == "__main__":
    serve(speak)
