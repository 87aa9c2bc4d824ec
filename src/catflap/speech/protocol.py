"""The protocol between Catflap and an engine process: length-prefixed frames.

A request is JSON; a reply is one letter and a body: `A` and PCM samples, or `E` and an error code,
after which there may be a space and a word for the log.
"""

import json
import struct
from dataclasses import asdict, dataclass

HEADER = struct.Struct(">I")
MAX_FRAME = 8 * 1024 * 1024
AUDIO, ERROR = b"A", b"E"
# Of the setting `pitch_factor`, which every engine process has.
LOWEST_FACTOR, HIGHEST_FACTOR = 0.5, 2.5


@dataclass(frozen=True)
class SynthesisRequest:
    """Request to synthesise a text.

    Args:
        text: The text, in a language of the engine.
        voice: The dialect's voice settings; their names depend on the engine.
        rate: Sample rate of the reply in Hz.
        max_seconds: Longer speech is faded out at this time.
        deadline: Seconds after which the process ends itself, in case its parent has died.
    """

    text: str
    voice: dict[str, float | str]
    rate: int
    max_seconds: float
    deadline: float

    def encode(self) -> bytes:
        """Encode the request as the body of a frame."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, body: bytes) -> "SynthesisRequest":
        """Decode the body of a frame."""
        return cls(**json.loads(body))


def encode_frame(body: bytes) -> bytes:
    """Return a body with its length as prefix."""
    return HEADER.pack(len(body)) + body
