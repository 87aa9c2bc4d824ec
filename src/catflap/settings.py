"""Settings: one frozen object, read once from the environment at startup and passed on.

Nothing else reads the environment. Secrets are `SecretStr`, which prints as asterisks.
`docs/settings.md` documents each name; a test fails when one is missing there.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from catflap.errors import OperatorMustAct
from catflap.google_client_settings import GoogleClient, GoogleClients, GoogleClientSettings
from catflap.home_assistant_settings import HomeAssistantSettings
from catflap.mqtt_settings import MqttSettings
from catflap.process_settings import OTLP_ENDPOINT, ProcessSettings
from catflap.setting_urls import checked_url, is_loopback, origin_of
from catflap.speech_settings import SpeechSettings

GOOGLE_DISCOVERY_URL = "https://accounts.google.com/.well-known/openid-configuration"
GOOGLE_API_URL = "https://www.googleapis.com"
PROXY_ALLOW = (
    "GET+POST+PUT+PATCH+DELETE www.googleapis.com/calendar/v3",
    "GET+POST+PUT+PATCH+DELETE www.googleapis.com/drive/v3",
    "POST+PUT+PATCH www.googleapis.com/upload/drive/v3",
)
CALLBACK_PATH = "/signin/google/callback"
PUSH_PATH = "/google/calendar/push"
# Read without our prefix, as Google's own tools and guides name them.
_GOOGLES_OWN = ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REDIRECT_URI")


_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared with, not bound to)


class Settings(GoogleClientSettings, SpeechSettings, MqttSettings, HomeAssistantSettings, ProcessSettings):
    """All settings; docs/settings.md describes them."""

    model_config = SettingsConfigDict(
        env_prefix="CATFLAP_", frozen=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "catflap")
    database_url: SecretStr | None = None
    vault_database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None

    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=0, le=65535)
    public_url: str = ""

    google_discovery_url: str = GOOGLE_DISCOVERY_URL
    google_api_url: str = GOOGLE_API_URL
    google_audiences: Annotated[tuple[str, ...], NoDecode] = ()
    google_timeout: float = Field(default=20.0, gt=0)
    google_refreshes_per_second: float = Field(default=50.0, gt=0)

    calendars: bool | None = None
    calendar_poll_seconds: float = Field(default=300.0, ge=5, le=86_400)
    calendar_push_url: str = ""
    calendar_requests_per_minute: int = Field(default=10_000, ge=1, le=1_000_000)
    calendar_user_requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    vault_keyset: SecretStr | None = None
    lease_seconds: float = Field(default=3.0, ge=0.2, le=60)
    proxy_allow: Annotated[tuple[str, ...], NoDecode] = PROXY_ALLOW

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_domains: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_emails: Annotated[tuple[str, ...], NoDecode] = ()
    operators: Annotated[tuple[str, ...], NoDecode] = ()
    popup_redirect_uri: str = Field(default="postmessage", pattern="^(postmessage|origin)$")
    return_urls: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    signins_per_minute: int = Field(default=600, ge=1)
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_jwks_url: str = ""
    log_format: str = Field(default="console", pattern="^(console|json)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @field_validator(
        "google_audiences",
        "allowed_origins",
        "proxy_allow",
        "allowed_domains",
        "allowed_emails",
        "operators",
        "return_urls",
        "trusted_proxies",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("google_discovery_url", "google_api_url", "jwt_jwks_url")
    @classmethod
    def _https_or_loopback(cls, url: str) -> str:
        return checked_url(url).rstrip("/") if url else url

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str) -> str:
        return origin_of(checked_url(url.strip(), local=True)) if url.strip() else ""

    @field_validator("calendar_push_url")
    @classmethod
    def _push_url(cls, url: str) -> str:
        url = url.strip()
        if url in ("", "off"):
            return url
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"must be off, or an address such as https://catflap.example.com{PUSH_PATH}")
        if any(c in checked_url(url) for c in "?#") or not urlsplit(url).path.strip("/"):
            raise ValueError(f"must be the address of {PUSH_PATH} without query and fragment, or off")
        return url

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin_of(url) for url in urls)

    @field_validator("return_urls")
    @classmethod
    def _each_https_or_loopback(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if "#" in checked_url(url):
                raise ValueError("each must be without a fragment")
        return urls

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise ValueError("each must be an address or a network, such as 10.0.0.0/8") from None
        return texts

    @model_validator(mode="after")
    def _jwt_settings_together(self) -> Self:
        if len({bool(self.jwt_issuer), bool(self.jwt_audience), bool(self.jwt_jwks_url)}) > 1:
            raise ValueError("CATFLAP_JWT_ISSUER, CATFLAP_JWT_AUDIENCE and CATFLAP_JWT_JWKS_URL go together")
        return self

    @model_validator(mode="after")
    def _speakers_are_not_for_everybody(self) -> Self:
        if self.home_assistant_url and not (self.allowed_emails or self.allowed_domains):
            raise ValueError(
                "CATFLAP_HOME_ASSISTANT_URL needs CATFLAP_ALLOWED_EMAILS or CATFLAP_ALLOWED_DOMAINS: each "
                "user who may sign in can speak on the speakers of that Home Assistant"
            )
        return self

    @property
    def has_device_channels(self) -> bool:
        """Whether announcements reach devices by other ways than HTTP."""
        return self.mqtt_broker is not None or bool(self.home_assistant_url)

    @property
    def origin(self) -> str:
        """The origin at which browsers reach Catflap: scheme, host and port."""
        # 0.0.0.0 and :: can be bound to, but not opened in a browser.
        host = _ANY_ADDRESS.get(self.host, self.host)
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_plain_network(self) -> bool:
        """Whether browsers reach Catflap over a network without https."""
        return self.origin.startswith("http://") and not is_loopback(self.origin)

    def calendar_push_address(self, prefix: str = "") -> str | None:
        """Return where Google sends push notifications; None where it can't, or shall not.

        Args:
            prefix: path under which a host application has the routes of calendars.
        """
        if self.calendar_push_url:
            return None if self.calendar_push_url == "off" else self.calendar_push_url
        # Google accepts https only, and can't reach a loopback address.
        if not self.public_url.startswith("https://") or is_loopback(self.public_url):
            return None
        return f"{self.public_url}{prefix}{PUSH_PATH}"

    @property
    def trusted_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of trusted reverse proxies."""
        return tuple(ipaddress.ip_network(text, strict=False) for text in self.trusted_proxies)

    def google_clients(self, prefix: str = "") -> GoogleClients:
        """Return the OAuth clients; see `GoogleClientSettings.read_google_clients`.

        Args:
            prefix: path under which a host application has our sign-in routes.
        """
        return self.read_google_clients(self._client_folders, self.origin, prefix + CALLBACK_PATH)

    def google_client(self, prefix: str = "") -> GoogleClient:
        """Return the web client, for callers that need no other.

        Raises:
            OperatorMustAct: `google_client_missing` or as `google_clients`.
        """
        client = self.google_clients(prefix).web
        if client is None:
            raise OperatorMustAct(
                "google_client_missing",
                "There is a Google OAuth client of type 'Desktop app' only, for `catflap signin`; this needs "
                "one of type 'Web application'. docs/google.md describes how to make it.",
            )
        return client

    def google_client_in_use(self) -> Path | None:
        """Return the file of the web client; None if it is in GOOGLE_CLIENT_*, or nowhere."""
        return self.google_client_files(self._client_folders)["web"]

    @property
    def _client_folders(self) -> list[Path]:
        return [Path.cwd(), self.data_dir]

    @classmethod
    def read(cls, options: Mapping[str, Any] | None = None, /, **given: Any) -> Self:
        """Read the environment; `given` and `options` override it.

        Args:
            options: Values of options of a command, by the names of the settings; None where none was typed.
            given: Settings.

        Raises:
            OperatorMustAct: `settings_invalid`, naming the option or the variable, and what is wrong with it.
        """
        typed = {name: value for name, value in (options or {}).items() if value is not None}
        try:
            return cls(**given, **typed)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            # Messages of our own validators, without pydantic's prefix "Value error, ".
            problem = first.get("ctx", {}).get("error", first["msg"])
            if not first["loc"]:
                # It is about several, and names them.
                raise OperatorMustAct("settings_invalid", f"{problem}") from None
            name = str(first["loc"][0])
            named = f"--{name.replace('_', '-')}" if name in typed else _variable(name)
            raise OperatorMustAct("settings_invalid", f"{named}: {problem}") from None


def _variable(name: str) -> str:
    """Return the environment variable of a setting."""
    name = name.upper()
    return name if name in (*_GOOGLES_OWN, OTLP_ENDPOINT) else f"CATFLAP_{name}"
