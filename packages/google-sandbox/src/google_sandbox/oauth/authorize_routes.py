"""The authorization page: choose an account, consent, and back to the app with a code.

Sources: "OAuth 2.0 for web server apps"; granular permissions guide; RFC 9207 for `iss`. Choices where
Google is silent: the boxes come ticked; a lone scope without sign-in scopes has no box; with nothing left
the answer is `access_denied`; `prompt=none` fails with the codes of OpenID Connect Core 3.1.2.6; the
browser's "account in use" is a cookie that only `prompt=none` looks at; an unknown address typed into the
chooser becomes an account.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from google_sandbox.app import Endpoint
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth.authorization_requests import (
    AuthorizationRequest,
    ShownError,
    Tickets,
    of_device,
    read,
)
from google_sandbox.oauth.device_routes import code_page
from google_sandbox.oauth.grants import CODE_LIFETIME, Code
from google_sandbox.oauth.pages import render, wants_japanese
from google_sandbox.oauth.scopes import SIGN_IN, describe, in_order, respell
from google_sandbox.request import Call
from google_sandbox.responses import html_response

COOKIE = "sandbox_account"
MOST_SHOWN = 50


class Authorization:
    """The pages and what happens between them."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    def begin(self, call: Call) -> Response:
        """Check the request, then show the chooser, the consent page, or neither."""
        try:
            request = read(call)
            call.credentials["client"] = request.client.client_id
            account = call.state.account(request.login_hint)
            if "none" in request.prompts:
                account = account or call.state.account(call.request.cookies.get(COOKIE))
                return self._without_pages(call, request, account)
            if account and "select_account" not in request.prompts:
                return self._chosen(call, request, account)
            return self._chooser(call, request)
        except ShownError as error:
            return error_page(call, error)

    def connect(self, call: Call) -> Response:
        """A device's code was typed: show the chooser."""
        device = call.state.device_codes.typed(call.form.get("user_code"))
        if device is None:
            return code_page(call, typed=call.form.get("user_code", ""), wrong=True)
        call.credentials["client"] = device.client_id
        try:
            return self._chooser(call, of_device(call, device))
        except ShownError as error:
            return error_page(call, error)

    def choose(self, call: Call) -> Response:
        """The account chooser was answered."""
        try:
            request = self._tickets.find(call.form.get("ticket"), spend=True)
            typed = call.form.get("email") or call.form.get("new_email") or ""
            account = call.state.account(typed)
            if account is None:
                try:
                    account = call.state.add_account(typed)
                except ValueError:
                    return self._chooser(call, request, wrong=True)
            return self._chosen(call, request, account)
        except ShownError as error:
            return error_page(call, error)

    def decide(self, call: Call) -> Response:
        """The consent page was answered."""
        try:
            request = self._tickets.find(call.form.get("ticket"))
            if request.account is None or call.form.get("decision") not in ("allow", "deny"):
                raise ShownError(400, "invalid_request", "This form was not filled in as it was shown.")
            self._tickets.find(call.form.get("ticket"), spend=True)
            if request.device and not call.state.device_codes.is_waiting(request.device):
                raise ShownError(400, "invalid_request", "The code of this device has expired.")
        except ShownError as error:
            return error_page(call, error)
        call.account = request.account
        if call.form.get("decision") == "deny" or request.account.magic == "deny":
            return _return(call, request, {"error": "access_denied"})
        ticked = respell(call.form.getlist("scope"))
        boxes = _boxes(request)
        if request.account.magic == "untick":
            ticked = frozenset()
        allowed = {
            scope for scope in request.scopes if scope in SIGN_IN or scope not in boxes or scope in ticked
        }
        if not allowed:
            return _return(call, request, {"error": "access_denied"})
        grant = call.state.grants.grant_of(request.account.sub, request.client.project)
        grant.scopes |= allowed
        return self._finish(call, request, frozenset(allowed), shown=True)

    def _without_pages(
        self, call: Call, request: AuthorizationRequest, account: SandboxAccount | None
    ) -> Response:
        if account is None:
            return _return(call, request, {"error": "login_required"})
        request.account = account
        if not self._is_granted(call, request):
            return _return(call, request, {"error": "consent_required"})
        return self._finish(call, request, frozenset(request.scopes), shown=False)

    def _chosen(self, call: Call, request: AuthorizationRequest, account: SandboxAccount) -> Response:
        project = call.state.project_of(request.client)
        if account.deleted:
            raise ShownError(400, "invalid_request", "This account was deleted.")
        if project.testing and project.testers and account.email not in project.testers:
            raise ShownError(
                403, "access_denied", f"{account.email} is not on the list of testers of {project.name}."
            )
        request.account = call.account = account
        if "consent" not in request.prompts and self._is_granted(call, request):
            return self._finish(call, request, frozenset(request.scopes), shown=False)
        return self._consent(call, request)

    def _is_granted(self, call: Call, request: AuthorizationRequest) -> bool:
        assert request.account is not None
        grant = call.state.grants.grant_of(request.account.sub, request.client.project)
        return bool(grant.scopes) and grant.scopes.issuperset(request.scopes)

    def _chooser(self, call: Call, request: AuthorizationRequest, wrong: bool = False) -> Response:
        accounts = [account for account in call.state.accounts.values() if not account.deleted]
        page = render(
            "chooser.html",
            call,
            ticket=self._tickets.issue(request),
            app=request.client.project,
            accounts=accounts[:MOST_SHOWN],
            hidden=max(0, len(accounts) - MOST_SHOWN),
            wrong=wrong,
        )
        return html_response(page)

    def _consent(self, call: Call, request: AuthorizationRequest) -> Response:
        assert request.account is not None
        japanese = wants_japanese(call)
        boxes = _boxes(request)
        granted = call.state.grants.grant_of(request.account.sub, request.client.project).scopes
        rows = [
            {
                "scope": scope,
                "words": describe(scope, japanese),
                "box": scope in boxes,
                "granted": scope in granted,
                "ticked": request.account.magic != "untick",
            }
            for scope in request.scopes
            if scope not in SIGN_IN
        ]
        page = render(
            "consent.html",
            call,
            ticket=self._tickets.issue(request),
            app=request.client.project,
            account=request.account,
            signs_in=any(scope in SIGN_IN for scope in request.scopes),
            rows=rows,
            returns_to=request.redirect_uri,
        )
        return html_response(page)

    def _finish(
        self, call: Call, request: AuthorizationRequest, allowed: frozenset[str], shown: bool
    ) -> Response:
        account = request.account
        assert account is not None
        grant = call.state.grants.grant_of(account.sub, request.client.project)
        if request.include_granted:
            allowed |= grant.scopes
        if call.state.on_authorize:
            call.state.on_authorize(account.email)
        if request.device:
            request.device.allow(account.sub, allowed)
            return _return(call, request, {})
        code = call.state.grants.issue_code(
            Code(
                value="",
                sub=account.sub,
                client_id=request.client.client_id,
                kind=request.kind,
                redirect_uri=request.redirect_uri,
                scopes=allowed,
                expires_at=call.state.now() + CODE_LIFETIME,
                offline=request.offline,
                with_refresh_token=(
                    shown
                    or request.client.client_type == "desktop"  # installed apps always get one
                    or request.client.client_id not in grant.offline_clients
                ),
                nonce=request.nonce,
                challenge=request.challenge,
                challenge_method=request.challenge_method,
            )
        )
        answer = {
            "iss": call.issuer,
            "code": code.value,
            "scope": in_order(allowed),
            "authuser": "0",
            **({"hd": account.hd} if account.hd else {}),
            "prompt": "consent" if shown else "none",
        }
        response = _return(call, request, answer)
        response.set_cookie(COOKIE, account.sub, httponly=True, samesite="lax", path="/o/oauth2")
        return response


def _boxes(request: AuthorizationRequest) -> frozenset[str]:
    """Return the scopes that have a checkbox of their own."""
    others = frozenset(request.scopes) - SIGN_IN
    return others if len(others) > 1 or len(others) < len(request.scopes) else frozenset()


def _return(call: Call, request: AuthorizationRequest, answer: dict[str, str]) -> Response:
    state = {} if request.state is None else {"state": request.state}
    if request.device:
        if "error" in answer:
            request.device.state = "denied"
        return html_response(render("device_done.html", call, allowed="error" not in answer))
    if request.kind == "popup":
        message: dict[str, Any] = {"type": "authorizationResponse", "id": request.relay, **state, **answer}
        data = json.dumps(message).replace("<", "\\u003c")
        origin = json.dumps(request.redirect_uri).replace("<", "\\u003c")
        return html_response(render("popup.html", call, message=data, origin=origin))
    if "error" in answer:
        answer = {**answer, "iss": call.issuer}
    joined = "&" if "?" in request.redirect_uri else "?"
    target = request.redirect_uri + joined + urlencode({**state, **answer})
    return RedirectResponse(target, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})


def error_page(call: Call, error: ShownError) -> Response:
    """Return the page that shows an error to the person."""
    return html_response(
        render("error.html", call, code=error.code, status=error.status, advice=error.advice), error.status
    )


def endpoints(tickets: Tickets) -> tuple[Endpoint, ...]:
    """Return the endpoints of the authorization pages."""
    pages = Authorization(tickets)
    return (
        Endpoint("oauth.authorize", "GET", "/o/oauth2/v2/auth", pages.begin),
        Endpoint("oauth.authorize", "POST", "/o/oauth2/v2/auth", pages.begin),
        Endpoint("oauth.authorize", "GET", "/o/oauth2/auth", pages.begin),
        Endpoint("oauth.device", "POST", "/device", pages.connect),
        Endpoint("oauth.choose", "POST", "/o/oauth2/v2/auth/account", pages.choose),
        Endpoint("oauth.consent", "POST", "/o/oauth2/v2/auth/consent", pages.decide),
    )
