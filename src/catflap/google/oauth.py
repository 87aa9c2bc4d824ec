"""Client of Google's OAuth 2.0 endpoints: authorization, token, revocation. No storage, no policy.

Authlib builds the requests. They are sent and their responses checked here, because status and error code
decide whether the user, the operator or nobody must act (RFC 6749 section 5.2).
"""

import base64
import contextlib
import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google import members
from catflap.google.discovery import Discovery
from catflap.google.fetch import FetchedResponse, FetchError, fetch
from catflap.google.members import Malformed
from catflap.google.scopes import normalise, to_wire
from catflap.google_client_settings import GoogleClient

_REJECTED = (
    "Google rejected this app's OAuth client ({}). Check the client id, the client secret and the redirect "
    "URI at the Google Cloud console."
)
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Errors of the OAuth client itself: nothing works until the operator acts.
_CLIENT = frozenset({"invalid_client", "deleted_client", "disabled_client", "restricted_client"})
# Errors of one code exchange: the operator's settings or the app's request are wrong.
_EXCHANGE = frozenset(
    {
        "unauthorized_client",
        "invalid_request",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
# Errors of one account: its organisation or Google does not allow this app.
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
# Errors of one refresh token, besides `invalid_grant`.
_REFRESH = frozenset({*_ACCOUNT, "unauthorized_client", "invalid_scope"})
# Google documents 2048, 512 and nothing for ID tokens ("Using OAuth 2.0"); four times that is still no harm.
_MAX_ACCESS_TOKEN, _MAX_REFRESH_TOKEN, _MAX_ID_TOKEN = 8192, 2048, 16_384
_MAX_SCOPE = 16_384
# Google's access tokens live an hour, twelve at most; its grants until they are revoked.
_LONGEST_ACCESS, _LONGEST_REFRESH = 7 * 86_400, 100 * 365 * 86_400


@dataclass(frozen=True)
class TokenResponse:
    """A successful token response (RFC 6749 section 5.1; Google's web-server guide).

    `expires_in` and `refresh_token_expires_in` are seconds; `scopes` is what was granted, normalised.
    """

    access_token: str = field(repr=False)
    expires_in: int
    scopes: frozenset[str]
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    refresh_token_expires_in: int | None = None


class InvalidGrant(BadRequest):
    """`invalid_grant`: the code or refresh token is used, expired, revoked or another client's."""

    def __init__(self, subtype: str | None = None) -> None:
        super().__init__(
            "code_rejected",
            "Google refused the code: it was used before, is some minutes old, was issued to another client "
            "or lacks its code verifier. Please sign in again.",
            detail=subtype,
        )


class GrantRefused(UserMustAct):
    """Google refuses this grant, for another reason than an invalid token; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        super().__init__("grant_refused", "Google refuses this app access to the account.", detail=reason)
        self.reason = reason


class RedirectUriMismatch(OperatorMustAct):
    """`redirect_uri_mismatch`: the code was issued for another redirect URI than the one sent."""

    def __init__(self) -> None:
        super().__init__("google_client_rejected", _REJECTED.format("redirect_uri_mismatch"))


class ClientRejected(OperatorMustAct):
    """Google rejects the OAuth client itself; `reason` is Google's code, such as `deleted_client`."""

    def __init__(self, reason: str) -> None:
        super().__init__("google_client_rejected", _REJECTED.format(reason))
        self.reason = reason


class RefreshRefused(TryAgain):
    """Google refused this refresh with an error that does not mean that the grant has ended."""

    def __init__(self, error: str) -> None:
        super().__init__(
            "google_unavailable",
            "Google does not give a token for this grant right now; please try again later.",
            detail=f"token endpoint: {error}",
        )


class OAuth:
    """Requests of one OAuth client."""

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
        select_account: bool = False,
        hosted_domain: str | None = None,
        combined: bool = True,
    ) -> str:
        """Return the authorization URL (Google's web-server guide; PKCE S256, RFC 7636).

        Args:
            hosted_domain: only shortens the list of accounts shown; the ID token's claim is what counts.
            combined: whether the tokens shall cover earlier consents too, which desktop clients can't ask.
        """
        endpoints = await self._discovery.endpoints()
        prompts = {"select_account": select_account, "consent": force_consent}
        optional = {
            "login_hint": login_hint,
            "prompt": " ".join(word for word, sent in prompts.items() if sent),
            "hd": hosted_domain,
            "include_granted_scopes": "true" if combined else None,
        }
        return str(
            prepare_grant_uri(
                endpoints.authorization_endpoint,
                self.client.client_id,
                "code",
                redirect_uri=self.client.redirect_uri,
                scope=to_wire(scopes),
                state=state,
                nonce=nonce,
                code_challenge=code_challenge(code_verifier),
                code_challenge_method="S256",
                access_type="offline",
                **{name: value for name, value in optional.items() if value},
            )
        )

    async def exchange(
        self, code: str, *, redirect_uri: str, code_verifier: str | None = None
    ) -> TokenResponse:
        """Exchange a one-time code for tokens.

        Raises:
            InvalidGrant: the code is used, expired or another client's.
            OperatorMustAct: `google_client_rejected`.
            TryAgain: `google_unavailable`.
        """
        verifier = {"code_verifier": code_verifier} if code_verifier else {}
        return await self._token("authorization_code", code=code, redirect_uri=redirect_uri, **verifier)

    async def refresh(self, refresh_token: str) -> TokenResponse:
        """Get a new access token.

        Raises:
            InvalidGrant: the refresh token is invalid.
            GrantRefused: Google refuses this grant.
            RefreshRefused: Google refuses this refresh, but the grant may not have ended.
            OperatorMustAct: `google_client_rejected`: Google rejects the OAuth client.
            TryAgain: `google_unavailable`.
        """
        return await self._token("refresh_token", refresh_token=refresh_token)

    async def check_client(self) -> None:
        """Check that Google accepts this client and its secret, with a refresh token that can't exist.

        Raises:
            OperatorMustAct: `google_client_rejected`.
            TryAgain: `google_unavailable`.
        """
        with contextlib.suppress(InvalidGrant, GrantRefused, RefreshRefused):
            await self.refresh("1//catflap-asks-whether-this-client-is-known")

    async def revoke(self, token: str) -> bool:
        """Revoke a token at Google; return False when Google did not know the token.

        Raises:
            TryAgain: `google_unavailable`.
        """
        endpoints = await self._discovery.endpoints()
        response = await self._send(endpoints.revocation_endpoint, str(httpx2.QueryParams(token=token)))
        if response.status == 200:
            return True
        if response.status == 400 and _error_code(response) == "invalid_token":
            return False
        raise _unavailable(f"revoke: HTTP {response.status}")

    async def _token(self, grant_type: str, **parameters: str) -> TokenResponse:
        endpoints = await self._discovery.endpoints()
        redirect_uri = parameters.pop("redirect_uri", None)
        body = prepare_token_request(
            grant_type,
            client_id=self.client.client_id,
            client_secret=self.client.client_secret.get_secret_value(),
            **parameters,
        )
        # Authlib drops an empty redirect_uri, which codes of native clients need.
        if redirect_uri is not None:
            body += "&" + str(httpx2.QueryParams(redirect_uri=redirect_uri))
        return _check_token(await self._send(endpoints.token_endpoint, body), grant_type)

    async def _send(self, url: str, body: str) -> FetchedResponse:
        try:
            return await fetch(self._http, "POST", url, content=body, headers=_FORM)
        except FetchError as error:
            raise _unavailable(error.reason) from None


def code_challenge(verifier: str) -> str:
    """Return BASE64URL(SHA256(verifier)) without padding (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _check_token(response: FetchedResponse, grant_type: str) -> TokenResponse:
    """Check a token response; a 200 without a token means nothing for the grant."""
    if response.status != 200:
        raise _failure(response, grant_type)
    answer = response.json_object()
    if answer is None:
        raise _unavailable("token endpoint: no JSON object")
    try:
        if (members.words(answer, "token_type", 32) or "Bearer").lower() != "bearer":
            raise Malformed("token_type")
        expires_in = members.seconds(answer, "expires_in", _LONGEST_ACCESS)
        if expires_in is None:
            raise Malformed("expires_in")
        return TokenResponse(
            access_token=members.required(
                members.token(answer, "access_token", _MAX_ACCESS_TOKEN), "access_token"
            ),
            expires_in=expires_in,
            scopes=normalise(members.words(answer, "scope", _MAX_SCOPE) or ""),
            refresh_token=members.token(answer, "refresh_token", _MAX_REFRESH_TOKEN),
            id_token=members.token(answer, "id_token", _MAX_ID_TOKEN),
            refresh_token_expires_in=members.seconds(answer, "refresh_token_expires_in", _LONGEST_REFRESH),
        )
    except Malformed as error:
        raise _unavailable(f"token endpoint: malformed {error.name}") from None


def _failure(response: FetchedResponse, grant_type: str) -> CatflapError:
    code = _error_code(response)
    if not 400 <= response.status < 500 or response.status in (408, 429):
        return _unavailable(f"token endpoint: HTTP {response.status}", response.retry_after())
    if code == "invalid_grant":
        return InvalidGrant(_error_code(response, "error_subtype"))
    if code in _CLIENT:
        return ClientRejected(code)
    if code is not None:
        refused = _refresh_refused(code) if grant_type == "refresh_token" else _exchange_refused(code)
        if refused is not None:
            return refused
    elif grant_type == "refresh_token" and isinstance((response.json_object() or {}).get("error"), str):
        return RefreshRefused("unknown error")
    return _unavailable(f"token endpoint: HTTP {response.status}")


def _refresh_refused(code: str) -> CatflapError:
    if code in _REFRESH:
        return GrantRefused(_ACCOUNT.get(code, (code, ""))[0])
    return RefreshRefused(code)


def _exchange_refused(code: str) -> CatflapError | None:
    if code == "redirect_uri_mismatch":
        return RedirectUriMismatch()
    if code in _EXCHANGE:
        return ClientRejected(code)
    return UserMustAct(*_ACCOUNT[code]) if code in _ACCOUNT else None


def _error_code(response: FetchedResponse, name: str = "error") -> str | None:
    """Return an error code; it is logged, so anything else is dropped (RFC 6749 section 5.2)."""
    return members.code(response.json_object() or {}, name)


def _unavailable(detail: str, after: timedelta | None = None) -> TryAgain:
    return TryAgain(
        "google_unavailable",
        "Google does not answer right now; please try again in a moment.",
        detail=detail,
        after=after,
    )
