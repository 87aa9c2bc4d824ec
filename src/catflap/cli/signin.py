"""`catflap signin`: sign in to a Catflap from any computer, where Google can't send browsers back to it.

Google accepts redirects to an https address or to the computer itself (RFC 8252). So this command takes the
redirect here, and hands the one-time code over to the server, which has the client secret and keeps the
tokens. State, nonce and PKCE verifier are made here and leave with the code, not before.
"""

import asyncio
import secrets
import threading
import webbrowser
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import httpx2
import typer
from pydantic import SecretStr

from catflap.cli.loopback import LoopbackRedirect, Page, loopback_redirect
from catflap.cli.runner import command, run
from catflap.cli.signin_server import DesktopClient, SignedIn, SignInServer
from catflap.errors import BadRequest, CatflapError, UserMustAct
from catflap.google.discovery import Discovery, Endpoints
from catflap.google.oauth import OAuth
from catflap.google.scopes import expand_requested, normalise
from catflap.google_client_settings import GoogleClient
from catflap.settings import Settings
from catflap.tls import tls_context
from catflap.web.i18n import Texts

cli = command()
_MINUTES = 10
_SHOWN_SECONDS = 5.0


@cli.command(
    epilog="Examples:  catflap signin --server http://192.168.1.5:8400   |   "
    "catflap signin --server https://mia.example.com --scopes 'calendar drive.file'"
)
def signin(
    server: Annotated[str, typer.Option(help="Address of the Catflap to sign in to.")],
    scopes: Annotated[
        str | None, typer.Option(help="What to allow, separated by spaces [what the page asks for].")
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="Open the browser; else print the address to open on this computer.")
    ] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of this computer for the way back [a free one].")
    ] = 0,
) -> None:
    """Sign in with Google to a Catflap at home, from any computer; nothing is kept on this one.

    Over ssh: `ssh -L 8123:127.0.0.1:8123 HOST`, then `--no-browser --port 8123` there, and open the address
    here.
    """

    async def work() -> None:
        settings = Settings.read()
        async with httpx2.AsyncClient(verify=tls_context(), timeout=settings.google_timeout) as http:
            there = SignInServer(http, server)
            client = await there.client(scopes)
            check_google(client, settings)
            if scopes is not None and not expand_requested(scopes) <= normalise(client.scope):
                raise BadRequest("invalid_request", "The server asks for other scopes than --scopes names.")
            discovery = Discovery(http, settings.google_discovery_url)
            signed_in = await _sign_in(http, discovery, there, client, scopes, port=port, opens=browser)
        _report(signed_in, there.url)

    run(work(), interrupted="Stopped before the end; sign in again.")


@dataclass(frozen=True)
class _Secrets:
    """What only this process knows, until the code is handed over."""

    state: str
    nonce: str
    verifier: str


async def _sign_in(
    http: httpx2.AsyncClient,
    discovery: Discovery,
    there: SignInServer,
    client: DesktopClient,
    scopes: str | None,
    *,
    port: int,
    opens: bool,
) -> SignedIn:
    endpoints = await discovery.endpoints()
    own = _Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    async with loopback_redirect(port, own.state) as redirect:
        public = GoogleClient(
            client_id=client.client_id, client_secret=SecretStr(""), redirect_uri=redirect.redirect_uri
        )
        url = await OAuth(http, discovery, public).authorization_url(
            scopes=normalise(client.scope),
            state=own.state,
            nonce=own.nonce,
            code_verifier=own.verifier,
            # Google gives a refresh token for certain, and boxes left unticked can be ticked again.
            force_consent=True,
            select_account=True,
            combined=False,
        )
        _send_to_google(url, opens=opens)
        try:
            signed_in = await _hand_over(there, redirect, endpoints, own, scopes)
        except CatflapError as error:
            redirect.show(partial(_failure, error))
            await _until_shown(redirect)
            raise
        redirect.show(partial(_success, signed_in))
        await _until_shown(redirect)
    return signed_in


async def _hand_over(
    there: SignInServer, redirect: LoopbackRedirect, endpoints: Endpoints, own: _Secrets, scopes: str | None
) -> SignedIn:
    try:
        async with asyncio.timeout(_MINUTES * 60):
            response = await redirect.response()
    except TimeoutError:
        raise UserMustAct(
            "signin_timeout", f"Nobody came back from Google within {_MINUTES} minutes; start again."
        ) from None
    body = {
        "code": response.authorization_code(endpoints),
        "code_verifier": own.verifier,
        "redirect_uri": redirect.redirect_uri,
        "nonce": own.nonce,
    }
    return await there.redeem(body if scopes is None else {**body, "scopes": scopes})


def _send_to_google(url: str, *, opens: bool) -> None:
    """Open the browser, or print the address."""
    if not opens:
        typer.echo(f"Open this address on this computer:\n\n{url}\n", err=True)
        return

    def work() -> None:
        if not webbrowser.open(url):
            typer.echo(
                f"No browser could be opened. Open this address on this computer:\n\n{url}\n", err=True
            )

    typer.echo("Your browser shows Google's questions; this command waits for the answer.", err=True)
    # Browsers of terminals end only when their person leaves them, and that must not keep this process.
    threading.Thread(target=work, daemon=True).start()


async def _until_shown(redirect: LoopbackRedirect) -> None:
    """Wait until the browser has its last page, but not for one that went away."""
    try:
        async with asyncio.timeout(_SHOWN_SECONDS):
            await redirect.shown()
    except TimeoutError:
        typer.echo("The browser did not fetch its last page.", err=True)


def check_google(client: DesktopClient, settings: Settings) -> None:
    """Refuse to send a person to another server than the one that this computer takes for Google."""
    if client.discovery_url != settings.google_discovery_url:
        raise BadRequest(
            "another_google",
            f"That Catflap uses {client.discovery_url} in place of Google. If it is a sandbox of yours, set "
            "CATFLAP_GOOGLE_DISCOVERY_URL to that address here too.",
        )


def _failure(error: CatflapError, texts: Texts) -> Page:
    """Return the page of a sign-in that failed, with the sentence that the server's page has for its code."""
    what = texts.get(f"error_{error.code}", texts["error_other"])
    return Page(texts["loopback_failed"], (what, texts["loopback_terminal"]))


def _success(signed_in: SignedIn, texts: Texts) -> Page:
    said = texts["loopback_close"] if signed_in.page is None else texts["loopback_go_on"]
    lacking = (texts["loopback_missing"],) if signed_in.missing else ()
    text = (said.format(email=signed_in.email), *lacking)
    if signed_in.page is None:
        return Page(texts["loopback_signed_in"], text)
    fields = (("handover", signed_in.handover),)
    return Page(texts["loopback_signed_in"], text, signed_in.action, fields, texts["loopback_go"])


def _report(signed_in: SignedIn, server: str) -> None:
    who = f"{signed_in.name} ({signed_in.email})" if signed_in.name else signed_in.email
    typer.echo(f"Signed in as {who}.")
    if signed_in.page is not None:
        typer.echo(f"The page: press the button in the browser, within 5 minutes. It is at {signed_in.page}")
    else:
        typer.echo(
            f"No other computer reaches the page of this Catflap: set CATFLAP_PUBLIC_URL={server} there. Mia "
            "speaks on the devices that are paired with it.",
            err=True,
        )
    if signed_in.missing:
        raise UserMustAct(
            "scope_missing",
            f"You did not allow {', '.join(signed_in.missing)}. Without it Mia can't do all of her work: run "
            "this command again, and tick every box.",
        )
