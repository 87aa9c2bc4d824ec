"""What goes over the wire between Catflap and an engine's worker: length-prefixed frames.

A request is JSON; a reply is one letter and a body: `A` and PCM samples, or `E` and an error's code.
"""

import json
import struct
from dataclasses import asdict, dataclass

HEADER = struct.Struct(">I")
MAX_FRAME = 8 * 1024 * 1024
AUDIO, ERROR = b"A", b"E"


@dataclass(frozen=True)
class Request:
    """Words for one engine.

    Args:
        text: What to say, in the engine's language.
        voice: The dialect's settings; each engine knows its own.
        rate: Samples a second to answer in.
        max_seconds: Longer speech is faded out there.
        deadline: Seconds after which the worker ends itself, should nobody be left to end it.
    """

    text: str
    voice: dict[str, float | str]
    rate: int
    max_seconds: float
    deadline: float

    def encode(self) -> bytes:
        """The request as a frame's body."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, body: bytes) -> "Request":
        """The request in a frame's body."""
        return cls(**json.loads(body))


def framed(body: bytes) -> bytes:
    """A body with its length in front."""
    return HEADER.pack(len(body)) + body
