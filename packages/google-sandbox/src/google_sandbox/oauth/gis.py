"""The browser script `gsi/client`, and the account chooser of its sign-in button.

Source: Google Identity Services reference. Choosing an account is the consent; One Tap and FedCM are left
out.
"""

from __future__ import annotations

import json
from importlib.resources import files
from urllib.parse import urlsplit

from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.models import Client, SandboxAccount
from google_sandbox.oauth.authorization_requests import ShownError
from google_sandbox.oauth.authorize_routes import MOST_SHOWN, error_page
from google_sandbox.oauth.id_token import id_token
from google_sandbox.oauth.pages import render
from google_sandbox.oauth.scopes import SIGN_IN
from google_sandbox.request import Call
from google_sandbox.responses import html_response

SCRIPT = files("google_sandbox").joinpath("static/gsi.js").read_bytes()
KEPT = ("client_id", "origin", "id", "select_by", "nonce", "login_uri", "g_csrf_token")


def script(call: Call) -> Response:
    """Handle `/gsi/client`."""
    headers = {"cache-control": "private, max-age=3600", "cross-origin-resource-policy": "cross-origin"}
    return Response(SCRIPT, 200, headers, "text/javascript; charset=UTF-8")


def select(call: Call) -> Response:
    """Show the chooser (GET); hand over a credential for the account chosen (POST)."""
    given = call.query if call.method == "GET" else call.form
    try:
        client = _client(call, given.get("client_id"), given.get("origin"), given.get("login_uri"))
    except ShownError as error:
        return error_page(call, error)
    values = {name: given[name] for name in KEPT if given.get(name)}
    typed = given.get("email") or given.get("new_email") or ""
    if call.method == "GET":
        return _chooser(call, client, values)
    try:
        account = call.state.account(typed) or call.state.add_account(typed)
    except ValueError:
        return _chooser(call, client, values, wrong=True)
    return _hand_over(call, client, account, values)


def _client(call: Call, client_id: str | None, origin: str | None, login_uri: str | None) -> Client:
    client = call.state.clients.get(client_id or "")
    if client is None or client.deleted:
        raise ShownError(401, "invalid_client", "The OAuth client was not found.")
    if not origin or origin not in client.origins:
        raise ShownError(
            403, "origin_mismatch", f"The given origin is not allowed for the given client ID: {origin}"
        )
    if login_uri:
        parts = urlsplit(login_uri)
        if f"{parts.scheme}://{parts.netloc}" not in client.origins and login_uri not in client.redirect_uris:
            raise ShownError(
                400, "redirect_uri_mismatch", f"Register this login_uri for the client: {login_uri[:300]}"
            )
    return client


def _chooser(call: Call, client: Client, values: dict[str, str], wrong: bool = False) -> Response:
    accounts = [account for account in call.state.accounts.values() if not account.deleted]
    page = render(
        "chooser.html",
        call,
        action="/gsi/select",
        carried=values,
        app=client.project,
        accounts=accounts[:MOST_SHOWN],
        hidden=max(0, len(accounts) - MOST_SHOWN),
        wrong=wrong,
    )
    return html_response(page)


def _hand_over(call: Call, client: Client, account: SandboxAccount, values: dict[str, str]) -> Response:
    call.account = account
    call.state.grants.grant_of(account.sub, client.project).scopes |= SIGN_IN
    credential = id_token(call, account, client, SIGN_IN, nonce=values.get("nonce"), from_button=True)
    by = values.get("select_by", "btn")
    if login_uri := values.get("login_uri"):
        fields = {"credential": credential, "g_csrf_token": values.get("g_csrf_token", ""), "select_by": by}
        return html_response(render("login.html", call, login_uri=login_uri, fields=fields))
    message = {"type": "credential", "id": values.get("id", ""), "credential": credential, "select_by": by}
    data = json.dumps(message).replace("<", "\\u003c")
    origin = json.dumps(values["origin"]).replace("<", "\\u003c")
    return html_response(render("popup.html", call, message=data, origin=origin))


ENDPOINTS = (
    Endpoint("gsi.script", "GET", "/gsi/client", script),
    Endpoint("gsi.select", "GET", "/gsi/select", select),
    Endpoint("gsi.select", "POST", "/gsi/select", select),
)
