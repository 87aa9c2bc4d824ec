"""The REST API of Home Assistant, as far as speakers need it (developers.home-assistant.io/docs/api/rest)."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from catflap.errors import CatflapError, OperatorMustAct, TryAgain
from catflap.home_assistant_settings import HomeAssistantSettings
from catflap.tls import tls_context

# Home Assistant is near; where it is slower, something is wrong.
_TIMEOUT = httpx2.Timeout(5.0)
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=5)
_ROOMS = """
{%- set found = namespace(rooms=[]) -%}
{%- for entity in entities -%}{%- set found.rooms = found.rooms + [area_name(entity) or ""] -%}{%- endfor -%}
{{ found.rooms | to_json }}
"""


class NoAnswer(TryAgain):
    """A request was sent and not answered, so that nobody knows whether it was carried out."""


@dataclass(frozen=True)
class EntityState:
    """The state of an entity; `attributes` are its integration's, and may be anything."""

    entity: str
    state: str
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name to show."""
        return str(self.attributes.get("friendly_name") or self.entity)

    @property
    def volume(self) -> float | None:
        """The volume of a speaker, 0 to 1; None if it tells none."""
        level = self.attributes.get("volume_level")
        return float(level) if isinstance(level, (int, float)) else None


class HomeAssistantApi:
    """Requests with a long-lived access token.

    Each raises:
        TryAgain: `home_assistant_unavailable`; `NoAnswer` if it may have been carried out.
        OperatorMustAct: `home_assistant_token_refused`, `home_assistant_certificate_invalid`,
            `home_assistant_refused`.

    Args:
        http: The connections.
        url: Its base address.
        token: The token.
    """

    def __init__(self, http: httpx2.AsyncClient, url: str, token: SecretStr) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}

    async def check_running(self) -> None:
        """Raise an error unless Home Assistant takes the token and has started."""
        config = await self._send("GET", "/api/config")
        if not isinstance(config, dict) or config.get("state", "RUNNING") != "RUNNING":
            raise TryAgain("home_assistant_unavailable", "Home Assistant is starting.")

    async def state(self, entity: str) -> EntityState | None:
        """Return the state of an entity; None if there is none of this name."""
        found = await self._send("GET", f"/api/states/{entity}", missing=True)
        return None if found is None else _parse(found)

    async def states(self) -> list[EntityState]:
        """Return the states of all entities."""
        found = await self._send("GET", "/api/states")
        if not isinstance(found, list):
            raise _not_understood()
        return [_parse(one) for one in found]

    async def rooms(self, entities: Sequence[str]) -> list[str]:
        """Return the names of the areas of entities, "" where there is none.

        Raises:
            OperatorMustAct: `home_assistant_token_refused` also if the token is not an administrator's.
        """
        body = {"template": _ROOMS, "variables": {"entities": list(entities)}}
        found = await self._send("POST", "/api/template", body)
        if not isinstance(found, list) or len(found) != len(entities):
            raise _not_understood()
        return [str(one) for one in found]

    async def call(self, domain: str, service: str, data: Mapping[str, Any], seconds: float = 5.0) -> None:
        """Call a service (an "action" of its manual), and wait for the answer for so long.

        It is answered when the service has ended; of one that only begins something, at once.
        """
        limits = httpx2.Timeout(5.0, read=seconds)
        await self._send("POST", f"/api/services/{domain}/{service}", dict(data), limits=limits)

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        missing: bool = False,
        limits: httpx2.Timeout = _TIMEOUT,
    ) -> Any:
        try:
            response = await self._http.request(
                method, self._url + path, json=body, headers=self._headers, timeout=limits
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise _unreachable(error) from None
        except httpx2.HTTPError as error:
            raise _no_answer(type(error).__name__) from None
        if missing and response.status_code == 404:
            return None
        if response.status_code != 200:
            raise _refusal(response.status_code)
        try:
            return response.json()
        except ValueError:
            raise _not_understood() from None


def home_assistant_client(settings: HomeAssistantSettings) -> httpx2.AsyncClient:
    """Return the connections to Home Assistant; no proxy is used, and no redirect followed.

    Raises:
        OperatorMustAct: `home_assistant_ca_unreadable`.
    """
    verify = tls_context(trust_env=False)
    if settings.home_assistant_ca_file is not None:
        verify = _own_authority(settings.home_assistant_ca_file)
    return httpx2.AsyncClient(
        verify=verify, trust_env=False, follow_redirects=False, limits=_LIMITS, timeout=_TIMEOUT
    )


def _own_authority(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError):
        raise OperatorMustAct(
            "home_assistant_ca_unreadable",
            f"CATFLAP_HOME_ASSISTANT_CA_FILE: {file} can't be read as certificates in PEM.",
        ) from None


def _parse(found: Any) -> EntityState:
    try:
        return EntityState(str(found["entity_id"]), str(found["state"]), dict(found["attributes"]))
    except (KeyError, TypeError, ValueError):
        raise _not_understood() from None


def _unreachable(error: httpx2.HTTPError) -> CatflapError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return OperatorMustAct(
                "home_assistant_certificate_invalid",
                "Home Assistant's certificate is not valid for CATFLAP_HOME_ASSISTANT_URL: renew it, or name "
                "its authority with CATFLAP_HOME_ASSISTANT_CA_FILE.",
            )
        cause = cause.__cause__ or cause.__context__
    return TryAgain(
        "home_assistant_unavailable", "Home Assistant can't be reached.", detail=type(error).__name__
    )


def _refusal(status: int) -> CatflapError:
    if status in (401, 403):
        return OperatorMustAct(
            "home_assistant_token_refused",
            "Home Assistant refused CATFLAP_HOME_ASSISTANT_TOKEN: make a new long-lived access token on the "
            "security page of your profile there.",
        )
    if status == 504:
        return _no_answer(str(status))
    if status in (502, 503):
        return TryAgain("home_assistant_unavailable", "Home Assistant is away.", detail=str(status))
    return OperatorMustAct(
        "home_assistant_refused", "Home Assistant refused a request; its log says why.", detail=str(status)
    )


def _no_answer(detail: str) -> NoAnswer:
    return NoAnswer("home_assistant_unavailable", "Home Assistant did not answer.", detail=detail)


def _not_understood() -> CatflapError:
    return OperatorMustAct(
        "home_assistant_refused",
        "What answers at CATFLAP_HOME_ASSISTANT_URL is not Home Assistant's REST API.",
    )
