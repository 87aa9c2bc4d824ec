"""Settings of engines: which of those that are installed here, and speech servers that speak in their place.

No server is asked unless its address is set: the text leaves this process, with titles of events.
"""

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from catflap.setting_urls import checked_url, is_loopback


class SpeechSettings(BaseSettings):
    """Settings of engines, a part of `catflap.settings.Settings`."""

    voices: Annotated[tuple[str, ...], NoDecode] = ()
    voicevox_url: str = ""
    voicevox_speaker: int = Field(default=3, ge=0)
    voicevox_pitch: float = Field(default=1.0, ge=0.5, le=2.5)
    openai_speech_url: str = ""
    openai_speech_key: SecretStr = SecretStr("")
    openai_speech_model: str = Field(default="tts-1", min_length=1)
    openai_speech_voice: str = Field(default="nova", min_length=1)
    openai_speech_speed: float = Field(default=1.0, ge=0.25, le=4)
    openai_speech_pitch: float = Field(default=1.4, ge=0.5, le=2.5)
    openai_speech_languages: Annotated[tuple[str, ...], NoDecode] = ("ja", "en")
    speech_timeout: float = Field(default=10.0, ge=1, le=60)

    @field_validator("voices", "openai_speech_languages", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("voicevox_url", "openai_speech_url")
    @classmethod
    def _speech_server(cls, url: str) -> str:
        url = url.strip()
        if not url:
            return ""
        if any(c in checked_url(url, private=True) for c in "?#"):
            raise ValueError("must not hold a query or a fragment")
        return url.rstrip("/")

    @field_validator("openai_speech_languages")
    @classmethod
    def _languages(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or any(not re.fullmatch("[a-z]{2,3}", name) for name in names):
            raise ValueError("each must be a language, such as ja or en")
        return names

    @field_validator("openai_speech_key")
    @classmethod
    def _key(cls, key: SecretStr) -> SecretStr:
        # It is sent in a header.
        if not key.get_secret_value().isascii() or any(c.isspace() for c in key.get_secret_value().strip()):
            raise ValueError("must be ASCII without white space")
        return SecretStr(key.get_secret_value().strip())

    @model_validator(mode="after")
    def _keys_are_sent_encrypted(self) -> Self:
        url = self.openai_speech_url
        plain = urlsplit(url).scheme == "http" and not is_loopback(url)
        if plain and self.openai_speech_key.get_secret_value():
            raise ValueError("CATFLAP_OPENAI_SPEECH_KEY goes to https, or to this machine's own addresses")
        return self
