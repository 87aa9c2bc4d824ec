"""Sign-in on a device without a browser: a code to show, a page to type it, and polling for tokens.

Source: "OAuth 2.0 for TV and limited-input device applications"; statuses and error texts are observed.
Scopes: those the guide lists, and `calendar` and `calendar.readonly`, which work there (observed: Home
Assistant); others are refused as Google does (observed: `calendar.events.readonly`, Gmail's). Choices: a
device code presented by another client, or again, is `invalid_grant`.
"""

from __future__ import annotations

from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.errors import OAuthError
from google_sandbox.models import Client
from google_sandbox.oauth.client_auth import check_secret, client_id_and_secret, credentials, known_client
from google_sandbox.oauth.device_codes import INTERVAL, LIFETIME, DeviceCode
from google_sandbox.oauth.grants import Code
from google_sandbox.oauth.pages import render
from google_sandbox.oauth.scopes import (
    CALENDAR,
    CALENDAR_READ,
    DRIVE_APPDATA,
    DRIVE_FILE,
    PREFIX,
    SIGN_IN,
    as_asked,
    respell,
)
from google_sandbox.oauth.token_response import token_response
from google_sandbox.request import Call
from google_sandbox.responses import html_response, json_response

ALLOWED = SIGN_IN | {
    DRIVE_APPDATA,
    DRIVE_FILE,
    PREFIX + "youtube",
    PREFIX + "youtube.readonly",
    CALENDAR,
    CALENDAR_READ,
}


def start(call: Call) -> Response:
    """Handle `/device/code`: give a device its code and the one to show."""
    client_id, _ = client_id_and_secret(call)
    client = _device_client(call, client_id)
    names = call.form.get("scope", "").split()
    if not names:
        raise OAuthError(400, "invalid_request", "Missing required parameter: scope")
    for name in names:
        if not respell([name]) <= ALLOWED:
            raise OAuthError(400, "invalid_scope", f"Invalid device flow scope: {name[:300]}")
    value = "AH-1Ng" + call.state.grants.text(80)
    code = call.state.device_codes.issue(value, client.client_id, as_asked(names))
    return json_response(
        {
            "device_code": code.value,
            "user_code": code.user_code,
            "expires_in": int(LIFETIME.total_seconds()),
            "interval": int(INTERVAL.total_seconds()),
            "verification_url": call.address("www.google.com") + "/device",
        }
    )


def page(call: Call) -> Response:
    """Handle `/device`: where a person types the code."""
    return code_page(call, typed=call.query.get("user_code", ""))


def code_page(call: Call, typed: str = "", wrong: bool = False) -> Response:
    """Return the page with the field for the code."""
    return html_response(render("device.html", call, typed=typed[:20], wrong=wrong))


def tokens_of_device(call: Call) -> Response:
    """Return the response to a device that polls the token endpoint."""
    client_id, secret = credentials(call)
    value = call.form.get("device_code") or call.form.get("code")
    if not value:
        raise OAuthError(400, "invalid_request", "Missing required parameter: device_code")
    client = _device_client(call, client_id)
    check_secret(client, secret)
    device = _decided(call, client, value)
    account = call.state.accounts.get(device.sub)
    if account is None or account.deleted:
        raise OAuthError(400, "invalid_grant", "Account has been deleted")
    call.account, device.state = account, "used"
    code = Code(
        value="",
        sub=account.sub,
        client_id=client.client_id,
        kind="device",
        redirect_uri="",
        scopes=device.allowed,
        expires_at=device.expires_at,
        offline=True,
        with_refresh_token=True,
    )
    project = call.state.project_of(client)
    access, refresh = call.state.grants.redeem(code, client, project, account.magic == "testing")
    return token_response(call, client, access, refresh, None)


def _device_client(call: Call, client_id: str) -> Client:
    client = known_client(call, client_id)
    if client.client_type not in (None, "tv"):
        raise OAuthError(401, "invalid_client", "Invalid client type.")
    return client


def _decided(call: Call, client: Client, value: str) -> DeviceCode:
    device, now = call.state.device_codes.find(value), call.state.now()
    if device is None or device.client_id != client.client_id or device.state == "used":
        raise OAuthError(400, "invalid_grant", "Bad Request")
    if device.state == "denied":
        raise OAuthError(403, "access_denied", "Forbidden")
    if device.expires_at <= now:
        raise OAuthError(400, "expired_token", "Bad Request")
    if device.state == "pending":
        if device.is_too_early(now):
            raise OAuthError(403, "slow_down", "Forbidden")
        raise OAuthError(428, "authorization_pending", "Precondition Required")
    return device


ENDPOINTS = (
    Endpoint("oauth.device.code", "POST", "/device/code", start),
    Endpoint("oauth.device.code", "POST", "/o/oauth2/device/code", start),
    Endpoint("oauth.device", "GET", "/device", page),
)
