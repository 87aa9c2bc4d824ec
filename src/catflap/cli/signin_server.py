"""The Catflap that `catflap signin` signs in to: its routes for commands, and why they fail."""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain
from catflap.setting_urls import checked_url, is_loopback
from catflap.web.schemas.error_codes import ERROR_CODES

_PATH = "/signin/google/desktop"
_PROBLEM = "urn:catflap:problem:"
# What it says is shown in a terminal, which would obey these.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class DesktopClient:
    """What the server says to ask Google with."""

    client_id: str
    scope: str
    discovery_url: str


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, and what the browser needs to be signed in too.

    `page` is None where the server has none, or where this machine does not reach it.
    """

    name: str
    email: str
    missing: tuple[str, ...]
    page: str | None
    action: str
    handover: str = field(repr=False)


class SignInServer:
    """A Catflap, by its address."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        """Create it.

        Raises:
            BadRequest: `server_invalid`.
        """
        self.url = _address(url)
        self._http = http

    async def client(self, scopes: str | None) -> DesktopClient:
        """Ask for the client to send the browser to Google with.

        Raises:
            BadRequest: `not_a_catflap`, or what the server says.
            OperatorMustAct: `server_too_old`.
            TryAgain: `server_unreachable`, `server_name_unknown`.
        """
        answer = await self._send("GET", params={} if scopes is None else {"scopes": scopes})
        return DesktopClient(answer.text("client_id"), answer.text("scope"), answer.text("discovery_url"))

    async def redeem(self, body: dict[str, str]) -> SignedIn:
        """Hand the code over to the server.

        Raises:
            CatflapError: as `client`, and what the server says.
        """
        answer = await self._send("POST", json=body)
        account, handover = answer.object("account"), answer.object("handover")
        return SignedIn(
            name=account.text("name", ""),
            email=account.text("email", ""),
            missing=answer.texts("missing"),
            page=self._reachable(answer.text("page", "")),
            action=handover.text("action"),
            handover=handover.text("handover"),
        )

    async def _send(self, method: str, **more: Any) -> "_Answer":
        await self._check_name()
        try:
            response = await self._http.request(method, self.url + _PATH, **more)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from None
        if response.is_redirect:
            raise BadRequest(
                "server_moved",
                f"{self.url} sends to {_CONTROL.sub('', response.headers.get('Location', '?'))}; "
                "give that address.",
            )
        try:
            document = response.json()
        except ValueError:
            document = None
        answer = _Answer(document if isinstance(document, dict) else {}, self._none())
        if response.status_code == 200:
            return answer
        raise self._problem(response, answer)

    def _problem(self, response: httpx2.Response, answer: "_Answer") -> CatflapError:
        if not answer.text("type", "").startswith(_PROBLEM):
            if response.status_code >= 500:
                return TryAgain(
                    "server_unreachable",
                    f"Something in front of {self.url} answers {response.status_code}: is Catflap running?",
                )
            return self._none()
        code, detail = answer.text("code", ""), answer.text("detail", "")
        if response.status_code in (404, 405) and code in ("not_found", "method_not_allowed"):
            return OperatorMustAct(
                "server_too_old", f"The Catflap at {self.url} is too old for this command; upgrade it."
            )
        known = ERROR_CODES.get(code)
        return (known.kind if known else BadRequest)(code, detail)

    def _none(self) -> BadRequest:
        return BadRequest(
            "not_a_catflap",
            f"What answers at {self.url} is no Catflap. Give the address that `catflap serve` printed, or "
            "the one in CATFLAP_PUBLIC_URL.",
        )

    async def _check_name(self) -> None:
        parts = urlsplit(self.url)
        try:
            await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise TryAgain(
                "server_name_unknown",
                f"This network knows no {parts.hostname}; is it spelled right? An address such as "
                "http://192.168.1.5:8400 needs no name.",
            ) from None

    def _unreachable(self, error: httpx2.HTTPError) -> TryAgain:
        if isinstance(error, httpx2.TimeoutException):
            why = "does not answer: is the address right, and does a firewall close its port?"
        elif _is_about_tls(error):
            why = "has no certificate that this machine trusts, or does not speak https there."
        elif isinstance(error, httpx2.ConnectError):
            why = (
                "refuses connections: is `catflap serve` running there, on this port, and on an address that "
                "other machines reach (CATFLAP_HOST=0.0.0.0)?"
            )
        else:
            why = "broke the connection off; does it speak http there?"
        return TryAgain("server_unreachable", f"{self.url} {why}")

    def _reachable(self, page: str) -> str | None:
        """Return the page, unless it is a loopback address of another machine."""
        return page if page and (not is_loopback(page) or is_loopback(self.url)) else None


@dataclass(frozen=True)
class _Answer:
    """A JSON object of the server; `otherwise` is raised for a member that is not as it must be."""

    members: dict[str, Any]
    otherwise: CatflapError

    def text(self, name: str, default: str | None = None) -> str:
        value = self.members.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.otherwise
        return _CONTROL.sub("", value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.members.get(name)
        if not isinstance(value, list):
            raise self.otherwise
        return tuple(_CONTROL.sub("", str(one)) for one in value)

    def object(self, name: str) -> Self:
        value = self.members.get(name)
        if not isinstance(value, dict):
            raise self.otherwise
        return type(self)(value, self.otherwise)


def _address(url: str) -> str:
    """Return the address of a server, whose scheme may be left out, without a slash at its end."""
    url = url.strip()
    if "://" not in url:
        url = f"http://{url}" if _is_plain(f"http://{url}") else f"https://{url}"
    try:
        checked = checked_url(url, local=True)
    except ValueError as error:
        raise BadRequest("server_invalid", f"--server {error}.") from None
    if "?" in checked or "#" in checked:
        raise BadRequest("server_invalid", "--server must hold neither a query nor a fragment.")
    return checked.rstrip("/")


def _is_plain(url: str) -> bool:
    try:
        checked_url(url, local=True)
    except ValueError:
        return False
    return True


def _is_about_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
