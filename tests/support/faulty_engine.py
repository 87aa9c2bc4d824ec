"""Speech worker that fails on demand: it hangs, dies, refuses or sends invalid frames."""

import json
import os
import socket
import struct
import time
from pathlib import Path
from sys import argv

SECOND_OF_NOISE = struct.pack("<16000h", *((i * 7919) % 20000 - 10000 for i in range(16000)))


def main() -> None:
    """Answer frames; the word "hang", "crash", "crash once", "refuse" or "babble" decides how."""
    wire = socket.socket(fileno=0)
    while header := wire.recv(4, socket.MSG_WAITALL):
        request = json.loads(wire.recv(struct.unpack(">I", header)[0], socket.MSG_WAITALL))
        text = request["text"]
        if "hang" in text:
            time.sleep(600)
        if "crash once" in text and not Path(argv[1]).exists():
            Path(argv[1]).touch()
            os._exit(1)
        if text == "crash":
            os._exit(1)
        reply = b"E" + b"speech_refused" if "refuse" in text else b"A" + SECOND_OF_NOISE
        size = 2**31 if "babble" in text else len(reply)
        wire.sendall(struct.pack(">I", size) + reply)


main()
