"""Account, client and tokens of a request, for fault rules and the request log.

It checks nothing: a request that is recognised here may still be rejected.
"""

from __future__ import annotations

from google_sandbox.access import bearer
from google_sandbox.oauth.device_codes import GRANT_TYPES, DeviceCode
from google_sandbox.oauth.grants import AccessToken, Code, RefreshToken
from google_sandbox.request import Call

GRANTS = {
    "authorization_code": "oauth.token.exchange",
    "refresh_token": "oauth.token.refresh",
    **dict.fromkeys(GRANT_TYPES, "oauth.token.device"),
}


def identify_caller(call: Call) -> None:
    """Set account and credentials of a request, and the endpoint name by the grant type at `/token`."""
    grants = call.state.grants
    known: RefreshToken | AccessToken | Code | DeviceCode | None
    if call.endpoint == "oauth.token":
        form = call.form
        call.endpoint = GRANTS.get(form.get("grant_type", ""), call.endpoint)
        known = grants.refresh_tokens.get(form.get("refresh_token", "")) or grants.codes.get(
            form.get("code", "")
        )
        known = known or call.state.device_codes.find(form.get("device_code") or form.get("code"))
        if value := form.get("refresh_token"):
            call.credentials["refresh_token"] = value
        if client := form.get("client_id"):
            call.credentials["client"] = client
    elif call.endpoint.startswith("oauth."):
        value = call.form.get("token") or call.query.get("token") or bearer(call) or ""
        known = grants.refresh_tokens.get(value) or grants.access_tokens.get(value)
    else:
        known = grants.access_tokens.get(bearer(call) or "")
        if known:
            call.credentials["client"] = known.client_id
    if known:
        call.account = call.state.accounts.get(known.sub)
