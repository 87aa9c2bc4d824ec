"""The engine program for a VOICEVOX-compatible server (also AivisSpeech and COEIROINK): Japanese.

Its API takes the text in the address of `/audio_query`, so the server's access log may have it.
"""

import os
from collections.abc import Mapping

from catflap.speech.engines.http_speech import SpeechServer
from catflap.speech.engines.serving import Samples, serve


class Voicevox:
    """A server at `url`; `voice` has the id of its `speaker`."""

    def __init__(self, server: SpeechServer, url: str) -> None:
        self._server = server
        self._url = url

    def speak(self, text: str, voice: Mapping[str, float | str]) -> tuple[Samples, int]:
        """Return samples and their rate; `voice` may have `speaker` and `tempo`.

        Raises:
            EngineUnavailable, TextRefused: as `SpeechServer.post_for_wav`.
        """
        speaker = {"speaker": str(voice["speaker"])}
        query = self._server.post_for_json(f"{self._url}/audio_query", {"text": text, **speaker})
        speed = query.get("speedScale", 1.0)
        if isinstance(speed, int | float):
            query["speedScale"] = speed * float(voice.get("tempo", 1.0))
        return self._server.post_for_wav(f"{self._url}/synthesis", query, speaker)


if __name__ == "__main__":
    server = SpeechServer(float(os.environ["CATFLAP_SPEECH_TIMEOUT"]))
    serve(Voicevox(server, os.environ["CATFLAP_VOICEVOX_URL"]).speak)
