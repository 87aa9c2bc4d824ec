"""A scripted HTTP client that signs in like a browser: follows redirects, submits forms, keeps cookies."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx2

from catflap.errors import OperatorMustAct

_MAX_STEPS = 12


class _Forms(HTMLParser):
    """Parser for the forms of a page: action, hidden fields, checked boxes, buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect forms and their fields."""
        found = dict(attrs)
        if tag == "form":
            self.forms.append({"action": found.get("action") or "", "fields": [], "buttons": []})
        elif self.forms and found.get("name"):
            pair = (found["name"], found.get("value") or "")
            kind = found.get("type", "text")
            if tag == "button":
                self.forms[-1]["buttons"].append(pair)
            elif tag == "input" and (kind == "hidden" or (kind == "checkbox" and "checked" in found)):
                self.forms[-1]["fields"].append(pair)


class DemoClient:
    """Client that signs in at Catflap through Google's pages and calls Catflap's API."""

    def __init__(self, http: httpx2.AsyncClient, origin: str, email: str) -> None:
        self._http = http
        self._origin = origin
        self._email = email
        self._csrf = ""

    async def sign_in(self) -> dict[str, Any]:
        """Sign in with Google and grant all scopes; return the response of `/v1/me`.

        Raises:
            OperatorMustAct: `signin_failed`, with the error of the redirect.
        """
        page = await self._http.get(self._origin + "/signin/google?scopes=calendar")
        for _ in range(_MAX_STEPS):
            if page.is_redirect:
                page = await self._http.get(urljoin(str(page.url), page.headers["Location"]))
            elif str(page.url).startswith(self._origin + "/"):
                break
            else:
                page = await self._submit(page)
        error = page.url.params.get("error")
        if error:
            raise OperatorMustAct("signin_failed", f"Signing in failed: {error}.")
        fields = [field for form in _forms(page) for field in form["fields"]]
        self._csrf = next((value for name, value in fields if name == "csrf_token"), "")
        return await self.get("/v1/me")

    async def get(self, path: str) -> dict[str, Any]:
        """Return a JSON response of Catflap's API."""
        return _json(await self._http.get(self._origin + path))

    async def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request with a JSON body to Catflap's API; return its JSON response."""
        headers = {"X-CSRF-Token": self._csrf}
        return _json(await self._http.request(method, self._origin + path, json=body, headers=headers))

    async def _submit(self, page: httpx2.Response) -> httpx2.Response:
        """Submit the account chooser or the consent page."""
        for form in _forms(page):
            for button in (("email", self._email), ("decision", "allow")):
                if button in form["buttons"]:
                    fields: dict[str, list[str]] = {}
                    for name, value in [*form["fields"], button]:
                        fields.setdefault(name, []).append(value)
                    return await self._http.post(urljoin(str(page.url), form["action"]), data=fields)
        raise OperatorMustAct("signin_failed", f"Google showed an unexpected page (HTTP {page.status_code}).")


def _forms(page: httpx2.Response) -> list[dict[str, Any]]:
    parser = _Forms()
    parser.feed(page.text)
    return parser.forms


def _json(response: httpx2.Response) -> dict[str, Any]:
    if response.is_error:
        raise OperatorMustAct(
            "unexpected_answer", f"{response.url.path} answered {response.status_code}: {response.text[:200]}"
        )
    found: dict[str, Any] = response.json() if response.content else {}
    return found
