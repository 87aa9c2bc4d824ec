"""Settings of a Home Assistant on whose speakers announcements are played."""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from catflap.setting_urls import checked_url, is_local

_PLAIN = "must be https (plain http is for this machine and for private networks only)"


class HomeAssistantSettings(BaseSettings):
    """Settings of Home Assistant's speakers, a part of `catflap.settings.Settings`."""

    home_assistant_url: str = ""
    home_assistant_token: SecretStr = SecretStr("")
    home_assistant_ca_file: Path | None = None

    @field_validator("home_assistant_url")
    @classmethod
    def _address(cls, url: str) -> str:
        url = url.strip().rstrip("/")
        if not url:
            return ""
        if url.startswith("http://") and not is_local(url):
            raise ValueError(_PLAIN)
        # What is left to check is the same for both schemes.
        checked_url(url.replace("http://", "https://", 1))
        if "?" in url or "#" in url:
            raise ValueError("must hold neither a query nor a fragment")
        return url

    @field_validator("home_assistant_token")
    @classmethod
    def _header_value(cls, token: SecretStr) -> SecretStr:
        text = token.get_secret_value().strip()
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("must be a long-lived access token, on one line")
        return SecretStr(text)

    @model_validator(mode="after")
    def _home_assistant_settings_together(self) -> Self:
        if bool(self.home_assistant_url) != bool(self.home_assistant_token.get_secret_value()):
            raise ValueError("CATFLAP_HOME_ASSISTANT_URL and CATFLAP_HOME_ASSISTANT_TOKEN go together")
        return self
