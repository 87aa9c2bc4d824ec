"""Engines that ask a speech server over HTTP, switched on by settings: the text leaves this process.

Each is a program as the others, so their answers are read in a process with limits of time and memory. Its
address and key are in the environment of that process alone, never among its arguments, which all users of a
machine can read.
"""

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from catflap.extras import missing_extra
from catflap.setting_urls import is_loopback
from catflap.speech.engines import Engine, installed_engines
from catflap.speech.voices import Voices, choose_engines

if TYPE_CHECKING:
    # Each engine process imports this package, and would keep 25 MB of pydantic for a type.
    from catflap.settings import Settings

# What all engine processes need, of the extras `mia` and `english`.
_NEEDED = ("numpy", "soxr", "pyworld")


def voices_of(settings: "Settings") -> Voices:
    """Return the servers that settings switch on, then the engines of `CATFLAP_VOICES` or all installed ones.

    Raises:
        OperatorMustAct: `extra_missing`, `settings_invalid`.
    """
    local = choose_engines(installed_engines(), settings.voices)
    return Voices((*remote_engines(settings), *local))


def remote_engines(settings: "Settings") -> tuple[Engine, ...]:
    """Return the engines that settings switch on.

    Raises:
        OperatorMustAct: `extra_missing`.
    """
    found = []
    if settings.voicevox_url:
        found.append(_voicevox(settings))
    if settings.openai_speech_url:
        found.append(_openai_speech(settings))
    lacking = [package for package in _NEEDED if find_spec(package) is None] if found else []
    if lacking:
        otherwise = "Or unset CATFLAP_VOICEVOX_URL and CATFLAP_OPENAI_SPEECH_URL."
        raise missing_extra(ModuleNotFoundError(name=lacking[0]), extra="mia", otherwise=otherwise)
    return tuple(found)


def hosts_that_get_titles(settings: "Settings") -> list[str]:
    """Return the hosts of speech servers that are not on this machine."""
    urls = filter(None, (settings.voicevox_url, settings.openai_speech_url))
    return [urlsplit(url).netloc for url in urls if not is_loopback(url)]


def _voicevox(settings: "Settings") -> Engine:
    return Engine(
        id="voicevox",
        name="voicevox",
        command=(sys.executable, "-P", "-m", "catflap.speech.engines.voicevox"),
        languages=frozenset({"ja"}),
        voice={"speaker": settings.voicevox_speaker, "pitch_factor": settings.voicevox_pitch},
        timeout=settings.speech_timeout,
        environment={
            "CATFLAP_VOICEVOX_URL": settings.voicevox_url,
            "CATFLAP_SPEECH_TIMEOUT": str(settings.speech_timeout),
        },
    )


def _openai_speech(settings: "Settings") -> Engine:
    return Engine(
        id="openai_speech",
        name="openai_speech",
        command=(sys.executable, "-P", "-m", "catflap.speech.engines.openai_speech"),
        languages=frozenset(settings.openai_speech_languages),
        voice={
            "model": settings.openai_speech_model,
            "voice": settings.openai_speech_voice,
            "speed": settings.openai_speech_speed,
            "pitch_factor": settings.openai_speech_pitch,
        },
        timeout=settings.speech_timeout,
        environment={
            "CATFLAP_OPENAI_SPEECH_URL": _speech_operation(settings.openai_speech_url),
            "CATFLAP_OPENAI_SPEECH_KEY": settings.openai_speech_key.get_secret_value(),
            "CATFLAP_SPEECH_TIMEOUT": str(settings.speech_timeout),
        },
    )


def _speech_operation(url: str) -> str:
    """Return the address of `audio/speech`, for a host, for a base such as `…/v1`, or for itself."""
    if url.endswith("/audio/speech"):
        return url
    return f"{url}/audio/speech" if urlsplit(url).path else f"{url}/v1/audio/speech"
