"""Google's OAuth 2.0 endpoints: authorization, token, revocation. No storage, no policy.

Requests are put together by Authlib; sending and judging the answer are ours, because the answer's status
and error code decide whether the person, the operator or nobody must act (RFC 6749 section 5.2).
"""

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.discovery import Discovery
from catflap.google.scopes import normalise, wire
from catflap.settings import GoogleClient

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Error codes are logged, so nothing but a code gets through (RFC 6749 section 5.2).
_CODE = re.compile("[a-z0-9_]{1,64}")
# About the OAuth client itself, whatever it asked for: nothing works until the operator acts.
_CLIENT = frozenset({"invalid_client", "deleted_client", "disabled_client", "restricted_client"})
# About one request for tokens by code: the operator's settings or the app's request do not fit.
_EXCHANGE = frozenset(
    {
        "unauthorized_client",
        "redirect_uri_mismatch",
        "invalid_request",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
# About one account: its organisation or Google does not let this app in.
_ACCOUNT = {
    "admin_policy_enforced": (
        "admin_policy",
        "Your organisation's administrator does not allow this app.",
    ),
    "org_internal": (
        "org_internal",
        "This app is only for members of the organisation that runs it; use an account of that organisation.",
    ),
    "access_denied": ("access_denied", "Google denies this app access to the account."),
}
# About one refresh token, besides `invalid_grant`.
_REFRESH = frozenset({*_ACCOUNT, "unauthorized_client", "invalid_scope"})


@dataclass(frozen=True)
class TokenResponse:
    """What the token endpoint answered (RFC 6749 section 5.1; Google's web-server guide).

    `expires_in` and `refresh_token_expires_in` are seconds; `scopes` is what was granted, normalised.
    """

    access_token: str = field(repr=False)
    expires_in: int
    scopes: frozenset[str]
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    refresh_token_expires_in: int | None = None


class InvalidGrant(BadRequest):
    """Google said `invalid_grant`: the code or refresh token is used up, expired, revoked or not ours."""

    def __init__(self, subtype: str | None = None) -> None:
        super().__init__("code_rejected", "Google refused the code; please sign in again.", detail=subtype)


class GrantRefused(UserMustAct):
    """Google refuses this grant, for another reason than a dead token; `reason` is what it said."""

    def __init__(self, reason: str) -> None:
        super().__init__("grant_refused", "Google refuses this app access to the account.", detail=reason)
        self.reason = reason


class RefreshRefused(TryAgain):
    """Google answered and refused this refresh with a code that does not say that the grant is over."""

    def __init__(self, error: str) -> None:
        super().__init__(
            "google_unavailable",
            "Google does not give a token for this grant right now; please try again later.",
            detail=f"token endpoint: {error}",
        )


class OAuth:
    """The calls of one OAuth client."""

    def __init__(self, http: httpx2.AsyncClient, discovery: Discovery, client: GoogleClient) -> None:
        self._http = http
        self._discovery = discovery
        self.client = client

    async def authorization_url(
        self,
        *,
        scopes: frozenset[str],
        state: str,
        nonce: str,
        code_verifier: str,
        login_hint: str | None = None,
        force_consent: bool = False,
        hosted_domain: str | None = None,
    ) -> str:
        """Where to send the browser (Google's web-server guide; PKCE S256, RFC 7636).

        `hosted_domain` only shortens the list of accounts shown; the ID token's claim is what counts.
        """
        endpoints = await self._discovery.endpoints()
        optional = {
            "login_hint": login_hint,
            "prompt": "consent" if force_consent else None,
            "hd": hosted_domain,
        }
        return str(
            prepare_grant_uri(
                endpoints.authorization_endpoint,
                self.client.client_id,
                "code",
                redirect_uri=self.client.redirect_uri,
                scope=wire(scopes),
                state=state,
                nonce=nonce,
                code_challenge=code_challenge(code_verifier),
                code_challenge_method="S256",
                access_type="offline",
                include_granted_scopes="true",
                **{name: value for name, value in optional.items() if value},
            )
        )

    async def exchange(
        self, code: str, *, redirect_uri: str, code_verifier: str | None = None
    ) -> TokenResponse:
        """Trade a one-time code for tokens.

        Raises:
            InvalidGrant: the code is used, expired or another client's.
            OperatorMustAct: `google_client_rejected`.
            TryAgain: `google_unavailable`.
        """
        verifier = {"code_verifier": code_verifier} if code_verifier else {}
        return await self._token("authorization_code", code=code, redirect_uri=redirect_uri, **verifier)

    async def refresh(self, refresh_token: str) -> TokenResponse:
        """A fresh access token.

        Raises:
            InvalidGrant: the refresh token is dead.
            GrantRefused: Google refuses this grant.
            RefreshRefused: Google refuses this refresh and does not say that the grant is over.
            OperatorMustAct: `google_client_rejected`: Google refuses the client, whatever the grant.
            TryAgain: `google_unavailable`.
        """
        return await self._token("refresh_token", refresh_token=refresh_token)

    async def check_client(self) -> None:
        """Ask Google whether it knows this client and its secret, by a refresh token that can't exist.

        Raises:
            OperatorMustAct: `google_client_rejected`.
            TryAgain: `google_unavailable`.
        """
        with contextlib.suppress(InvalidGrant, GrantRefused, RefreshRefused):
            await self.refresh("1//catflap-asks-whether-this-client-is-known")

    async def revoke(self, token: str) -> bool:
        """Take the grant back at Google; False when Google did not know the token any more.

        Raises:
            TryAgain: `google_unavailable`.
        """
        endpoints = await self._discovery.endpoints()
        response = await self._send(endpoints.revocation_endpoint, str(httpx2.QueryParams(token=token)))
        if response.status_code == 200:
            return True
        if _error_code(response) == "invalid_token":
            return False
        raise _unavailable(f"revoke: HTTP {response.status_code}")

    async def _token(self, grant_type: str, **parameters: str) -> TokenResponse:
        endpoints = await self._discovery.endpoints()
        redirect_uri = parameters.pop("redirect_uri", None)
        body = prepare_token_request(
            grant_type,
            client_id=self.client.client_id,
            client_secret=self.client.client_secret.get_secret_value(),
            **parameters,
        )
        # Added by hand because Authlib drops an empty one, which codes of native clients need.
        if redirect_uri is not None:
            body += "&" + str(httpx2.QueryParams(redirect_uri=redirect_uri))
        return _check_token(await self._send(endpoints.token_endpoint, body), grant_type)

    async def _send(self, url: str, body: str) -> httpx2.Response:
        try:
            return await self._http.post(url, content=body, headers=_FORM)
        except httpx2.HTTPError as error:
            raise _unavailable(type(error).__name__) from None


def code_challenge(verifier: str) -> str:
    """BASE64URL(SHA256(verifier)) without padding (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _check_token(response: httpx2.Response, grant_type: str) -> TokenResponse:
    if response.status_code != 200:
        raise _failure(response, grant_type)
    try:
        answer = response.json()
        return TokenResponse(
            access_token=_text(answer, "access_token"),
            expires_in=int(answer["expires_in"]),
            scopes=normalise(str(answer.get("scope", ""))),
            refresh_token=answer.get("refresh_token") or None,
            id_token=answer.get("id_token") or None,
            refresh_token_expires_in=answer.get("refresh_token_expires_in"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # A 200 without a token is a proxy's or a broken server's; it says nothing about the grant.
        raise _unavailable("token endpoint: unreadable answer") from None


def _text(answer: Any, name: str) -> str:
    value = answer[name]
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _failure(response: httpx2.Response, grant_type: str) -> CatflapError:
    code = _error_code(response)
    if response.status_code >= 500 or response.status_code in (408, 429):
        return _unavailable(f"token endpoint: HTTP {response.status_code}", _retry_after(response))
    if code == "invalid_grant":
        return InvalidGrant(_error_code(response, "error_subtype"))
    if code in _CLIENT:
        return _rejected(code)
    if code is not None and response.status_code >= 400:
        refused = _refresh_refused(code) if grant_type == "refresh_token" else _exchange_refused(code)
        if refused is not None:
            return refused
    return _unavailable(f"token endpoint: HTTP {response.status_code}")


def _refresh_refused(code: str) -> CatflapError:
    if code in _REFRESH:
        return GrantRefused(_ACCOUNT.get(code, (code, ""))[0])
    return RefreshRefused(code if _CODE.fullmatch(code) else "unknown error")


def _exchange_refused(code: str) -> CatflapError | None:
    if code in _EXCHANGE:
        return _rejected(code)
    return UserMustAct(*_ACCOUNT[code]) if code in _ACCOUNT else None


def _rejected(code: str) -> OperatorMustAct:
    return OperatorMustAct(
        "google_client_rejected",
        f"Google rejected this app's OAuth client ({code}). Check the client id, the client secret and "
        "the redirect URI at the Google Cloud console.",
    )


def _error_code(response: httpx2.Response, name: str = "error") -> str | None:
    try:
        value = response.json().get(name)
    except (ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None


def _retry_after(response: httpx2.Response) -> timedelta | None:
    """Whole seconds only; an HTTP date would need Google's clock to be ours (RFC 9110 section 10.2.3)."""
    seconds = response.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(seconds), 3600)) if seconds.isdecimal() else None


def _unavailable(detail: str, after: timedelta | None = None) -> TryAgain:
    return TryAgain(
        "google_unavailable",
        "Google does not answer right now; please try again in a moment.",
        detail=detail,
        after=after,
    )
