"""Speech servers in a started Catflap: the log warns of them, and both halves name the same sounds."""

from pathlib import Path

import structlog

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import running_app


async def test_the_log_says_at_the_start_that_titles_leave_this_machine(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    urls = {"voicevox_url": "http://127.0.0.1:50021", "openai_speech_url": "https://speech.example.com/v1"}
    key = "sk-a-made-up-secret"
    async with running_app(database_urls, clock, tmp_path, openai_speech_key=key, **urls) as app:
        with structlog.testing.capture_logs() as logs:
            async with app.catflap.work(periodic=False):
                pass
        voices = app.catflap.components.voices
        assert [engine.id for engine in voices.engines[:2]] == ["voicevox", "openai_speech"]
        assert app.catflap.services.voices is voices
    (warning,) = [entry for entry in logs if entry["event"] == "titles_leave_this_machine"]
    assert warning["hosts"] == ["speech.example.com"]
    assert key not in str(logs)


async def test_a_server_on_this_machine_is_no_warning(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, voicevox_url="http://127.0.0.1:50021") as app:
        with structlog.testing.capture_logs() as logs:
            async with app.catflap.work(periodic=False):
                pass
    assert "titles_leave_this_machine" not in str(logs)
