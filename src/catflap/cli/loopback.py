"""The loopback redirect of a desktop client (RFC 8252 section 7.3): a small web server on this machine.

Google sends the browser here with the code. The browser waits until the code is redeemed, then leaves the
address with the code for a page that says how it went, and that can hand the sign-in over to the browser.
Only requests with the state of this sign-in count, so no page of another site can end or answer it. Other
users of this machine may see the state in the arguments of the browser, but not the code: what the page holds
is for the browser that brought that.
"""

import asyncio
import hmac
import html
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from catflap.cli.http_server import serving
from catflap.cli.sockets import bind, port_of
from catflap.google.authorization_response import AuthorizationResponse
from catflap.web.i18n import Texts, choose_language, texts

HOST: Final = "127.0.0.1"
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1.2rem}"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`, with which browsers send a form without the origin that it must have.
    "Referrer-Policy": "origin",
}


@dataclass(frozen=True)
class Page:
    """What the browser is shown at the end, in its language.

    Args:
        text: its paragraphs.
        action: where its form goes; None for a page without one.
        fields: the hidden fields of the form.
    """

    title: str
    text: tuple[str, ...]
    action: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    button: str = ""


MakePage = Callable[[Texts], Page]


class LoopbackRedirect:
    """An ASGI application for one authorization response."""

    def __init__(self, port: int, state: str) -> None:
        self.redirect_uri = f"http://{HOST}:{port}/"
        self._host = f"{HOST}:{port}"
        self._state = state
        self._done = f"/done/{secrets.token_urlsafe(32)}"
        loop = asyncio.get_running_loop()
        self._response: asyncio.Future[AuthorizationResponse] = loop.create_future()
        self._page: asyncio.Future[MakePage] = loop.create_future()
        self._shown = asyncio.Event()

    async def response(self) -> AuthorizationResponse:
        """Wait for the browser that comes back from Google."""
        return await self._response

    def show(self, page: MakePage) -> None:
        """Set what the browser that waits is shown, made from the texts of its language."""
        self._page.set_result(page)

    async def shown(self) -> None:
        """Wait until the browser has got the page."""
        await self._shown.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await (await self._answer(Request(scope)))(scope, receive, send)
        if scope["path"] == self._done and self._page.done():
            self._shown.set()

    async def _answer(self, request: Request) -> Response:
        # Another name means DNS rebinding: a page of another site that reaches this address by its own name.
        if request.headers.get("Host") != self._host or request.method != "GET":
            return _html(request, _not_waiting, 403)
        if request.url.path == self._done and self._page.done():
            return _html(request, self._page.result())
        if request.url.path != "/":
            return _html(request, _not_waiting, 404)
        return await self._come_back(request)

    async def _come_back(self, request: Request) -> Response:
        query = request.query_params
        names = [name for name, _ in query.multi_items()]
        state = query.get("state", "")
        if len(names) != len(set(names)) or not hmac.compare_digest(state.encode(), self._state.encode()):
            return _html(request, _not_waiting, 400)
        answer = AuthorizationResponse(query.get("code"), query.get("error"), query.get("iss"))
        if not self._response.done():
            self._response.set_result(answer)
        if answer != self._response.result():
            return _html(request, _not_waiting, 400)
        await asyncio.shield(self._page)
        return RedirectResponse(self._done, 303, _HEADERS)


@asynccontextmanager
async def loopback_redirect(port: int, state: str) -> AsyncIterator[LoopbackRedirect]:
    """Serve the redirect URI while the context is open; port 0 takes a free one.

    Raises:
        OperatorMustAct: `port_taken` or `address_unusable`.
    """
    listener = bind(HOST, port)
    redirect = LoopbackRedirect(port_of(listener), state)
    async with serving(redirect, listener):
        yield redirect


def _not_waiting(texts: Texts) -> Page:
    return Page(texts["loopback_nothing"], (texts["loopback_not_waiting"],))


def _html(request: Request, make: MakePage, status: int = 200) -> HTMLResponse:
    language = choose_language(request.headers.get("Accept-Language", ""))
    page = make(texts(language))
    shown = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in page.text)
    if page.action is not None:
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in page.fields
        )
        button = f"<button autofocus>{html.escape(page.button)}</button>"
        shown += f'<form method="post" action="{html.escape(page.action)}">{fields}{button}</form>'
    title = html.escape(page.title)
    document = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1>{shown}</html>"
    )
    return HTMLResponse(document, status, {**_HEADERS, "Content-Language": language})
