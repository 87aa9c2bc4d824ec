"""The engine program for a server with OpenAI's `POST /v1/audio/speech`, OpenAI's own or another."""

import os
from collections.abc import Mapping
from typing import Any

from catflap.speech.engines.http_speech import SpeechServer
from catflap.speech.engines.serving import Samples, serve


class OpenAiSpeech:
    """A server; `url` is that of its operation `audio/speech`."""

    def __init__(self, server: SpeechServer, url: str) -> None:
        self._server = server
        self._url = url

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """Return samples and their rate; `voice` may have `model`, `voice`, `speed` and `tempo`.

        Raises:
            EngineUnavailable, TextRefused: as `SpeechServer.post_for_wav`.
        """
        body: dict[str, Any] = {
            "model": voice["model"],
            "voice": voice["voice"],
            "input": text,
            "response_format": "wav",
        }
        speed = float(voice.get("speed", 1.0)) * float(voice.get("tempo", 1.0))
        if speed != 1.0:
            # Not all models know it.
            body["speed"] = round(speed, 2)
        return self._server.post_for_wav(self._url, body)


if __name__ == "__main__":
    server = SpeechServer(
        float(os.environ["CATFLAP_SPEECH_TIMEOUT"]), os.environ.get("CATFLAP_OPENAI_SPEECH_KEY", "")
    )
    serve(OpenAiSpeech(server, os.environ["CATFLAP_OPENAI_SPEECH_URL"]).speak)
