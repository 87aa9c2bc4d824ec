"""Settings of the OAuth clients of a Google Cloud project, and the files that its console gives for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from catflap.errors import OperatorMustAct
from catflap.setting_urls import checked_url

# Members of the file that name the client's type: "Web application" and "Desktop app" at the console.
_Kind = Literal["web", "installed"]
_NAMES: dict[_Kind, str] = {"web": "Web application", "installed": "Desktop app"}


class GoogleClient(BaseModel):
    """One OAuth client; `redirect_uri` is empty for a desktop client, which chooses one for each sign-in."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    client_secret: SecretStr
    redirect_uri: str


class GoogleClients(BaseModel):
    """The OAuth clients of this installation, at least one of them.

    `web` is for pages, popups and the one-time codes of apps, `desktop` for `catflap signin`.
    """

    model_config = ConfigDict(frozen=True)

    web: GoogleClient | None = None
    desktop: GoogleClient | None = None

    @property
    def all(self) -> tuple[GoogleClient, ...]:
        """All of them, the primary one first."""
        return tuple(client for client in (self.web, self.desktop) if client is not None)

    @property
    def primary(self) -> GoogleClient:
        """The web client, or the desktop client where there is no other."""
        return self.all[0]


class GoogleClientSettings(BaseSettings):
    """Settings of the OAuth clients, a part of `catflap.settings.Settings`."""

    google_client_id: str = Field(
        default="", validation_alias=AliasChoices("google_client_id", "GOOGLE_CLIENT_ID")
    )
    google_client_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("google_client_secret", "GOOGLE_CLIENT_SECRET")
    )
    google_redirect_uri: str = Field(
        default="", validation_alias=AliasChoices("google_redirect_uri", "GOOGLE_REDIRECT_URI")
    )
    google_client_file: Path | None = None
    google_desktop_client_id: str = ""
    google_desktop_client_secret: SecretStr = SecretStr("")
    google_desktop_client_file: Path | None = None

    @field_validator("google_redirect_uri")
    @classmethod
    def _redirect_uri(cls, url: str) -> str:
        if url and "#" in checked_url(url):
            raise ValueError("must not hold a fragment")
        return url

    def read_google_clients(self, folders: Sequence[Path], origin: str, callback: str) -> GoogleClients:
        """Return the OAuth clients, from variables or from the files downloaded at the console.

        Args:
            folders: where to look for `client_secret_*.json`.
            origin: where browsers reach Catflap.
            callback: the path that Google sends browsers back to.

        Raises:
            OperatorMustAct: `google_client_missing`, `google_client_unreadable` or
                `redirect_uri_unregistered`.
        """
        files = self.google_client_files(folders)
        web, desktop = self._web_from_variables(origin + callback), self._desktop_from_variables()
        if (file := files["web"]) is not None:
            web = _web_client(file, self.google_redirect_uri, origin, callback)
        if (file := files["installed"]) is not None:
            desktop = _client(_section(file, "installed"), file, "installed", redirect_uri="")
        if web is None and desktop is None:
            raise OperatorMustAct(
                "google_client_missing",
                "No Google OAuth client. Put the client_secret_*.json from the Google Cloud console into "
                "this folder or the data directory, or set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET; "
                "docs/google.md describes every step. To try without Google: catflap demo",
            )
        return GoogleClients(web=web, desktop=desktop)

    def google_client_files(self, folders: Sequence[Path]) -> dict[_Kind, Path | None]:
        """Return the file of each kind of client; None where variables have the client, or nothing has it."""
        in_folders = [one for folder in folders for one in sorted(folder.glob("client_secret_*.json"))]
        by_kind = {_kind_of(file): file for file in reversed(in_folders)}
        web, desktop = self.google_client_file, self.google_desktop_client_file
        if web is not None and _kind_of(web) == "installed":
            # A unit of systemd hands one file over, of whichever kind it is.
            web, desktop = None, desktop or web
        return {
            "web": web or by_kind.get("web") if self._web_from_variables("") is None else None,
            "installed": desktop or by_kind.get("installed")
            if self._desktop_from_variables() is None
            else None,
        }

    def _web_from_variables(self, redirect_uri: str) -> GoogleClient | None:
        if not (self.google_client_id and self.google_client_secret.get_secret_value()):
            return None
        return GoogleClient(
            client_id=self.google_client_id,
            client_secret=self.google_client_secret,
            redirect_uri=self.google_redirect_uri or redirect_uri,
        )

    def _desktop_from_variables(self) -> GoogleClient | None:
        if not (self.google_desktop_client_id and self.google_desktop_client_secret.get_secret_value()):
            return None
        return GoogleClient(
            client_id=self.google_desktop_client_id,
            client_secret=self.google_desktop_client_secret,
            redirect_uri="",
        )


def _kind_of(file: Path) -> _Kind:
    return "installed" if "installed" in _document(file) else "web"


def _document(file: Path) -> dict[str, Any]:
    """Return the members of a file; none of one that can't be read, which its use then reports."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _section(file: Path, kind: _Kind) -> dict[str, Any]:
    section = _document(file).get(kind)
    if not isinstance(section, dict):
        raise _unreadable(file, kind)
    return section


def _client(section: dict[str, Any], file: Path, kind: _Kind, redirect_uri: str) -> GoogleClient:
    client_id, secret = section.get("client_id"), section.get("client_secret")
    if not (isinstance(client_id, str) and isinstance(secret, str) and client_id and secret):
        raise _unreadable(file, kind)
    return GoogleClient(client_id=client_id, client_secret=SecretStr(secret), redirect_uri=redirect_uri)


def _web_client(file: Path, chosen_redirect: str, origin: str, callback: str) -> GoogleClient:
    section, default = _section(file, "web"), origin + callback
    registered = section.get("redirect_uris") or []
    if not isinstance(registered, list):
        raise _unreadable(file, "web")
    ours = [str(uri) for uri in registered if urlsplit(str(uri)).path == callback]
    if not chosen_redirect and registered and default not in registered and not ours:
        raise OperatorMustAct(
            "redirect_uri_unregistered",
            f"{file.name} has no redirect URI of ours. At the Google Cloud console add {default} to "
            "the client's authorised redirect URIs, and download the file again.",
        )
    fallback = default if default in registered or not ours else ours[0]
    return _client(section, file, "web", chosen_redirect or fallback)


def _unreadable(file: Path, kind: _Kind) -> OperatorMustAct:
    return OperatorMustAct(
        "google_client_unreadable",
        f"{file.name} is not a client_secret_*.json of a client of type '{_NAMES[kind]}'; "
        "download it again at the Google Cloud console, under Clients.",
    )
