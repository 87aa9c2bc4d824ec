"""Verify Google's ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) against cached keys."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catflap.clock import Clock
from catflap.errors import Tampered
from catflap.google import members
from catflap.google.discovery import Discovery
from catflap.google.jwks import RS256, JwksCache
from catflap.google.members import Malformed
from catflap.google.token_times import check_times

# Begins the `sub` of an unidentified account.
UNNAMED = "unnamed:"
_GOOGLE = "https://accounts.google.com"
# OpenID Connect Core 1.0, section 2, for `sub`; RFC 5321, section 4.5.3.1, for addresses.
_MAX_SUB, _MAX_EMAIL, _MAX_TEXT, _MAX_PICTURE = 255, 320, 255, 2048


@dataclass(frozen=True)
class Identity:
    """The profile in an ID token. `sub` identifies the account; an email address may be reassigned."""

    sub: str
    email: str
    email_verified: bool
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    picture: str | None = None
    locale: str | None = None
    hosted_domain: str | None = None


def unnamed(user_id: int) -> Identity:
    """Return the placeholder for an unidentified account, when the scope `openid` was not requested."""
    return Identity(sub=f"{UNNAMED}{user_id}", email="", email_verified=False)


def is_unnamed(sub: str) -> bool:
    """Return whether `sub` is such a placeholder; Google never sends one with a colon."""
    return sub.startswith(UNNAMED)


class IdTokens:
    """Verifies ID tokens issued for our client ids."""

    def __init__(self, keys: JwksCache, discovery: Discovery, clock: Clock) -> None:
        self._keys = keys
        self._discovery = discovery
        self._clock = clock

    async def verify(
        self,
        token: str,
        *,
        audiences: Collection[str],
        nonce: str | None = None,
        hosted_domain: str | None = None,
    ) -> Identity:
        """Verify an ID token and return its profile.

        Args:
            audiences: our client ids; `aud` must be one of them.
            nonce: the nonce of the request, if any; the token must then carry it.
            hosted_domain: when set, only accounts of that Workspace domain.

        Raises:
            Tampered: `id_token_invalid`, with the failed check as detail.
            TryAgain: `google_unavailable`.
        """
        claims = await self._keys.claims(token, RS256, _invalid)
        issuers = {(await self._discovery.endpoints()).issuer}
        if _GOOGLE in issuers:
            issuers.add(_GOOGLE.removeprefix("https://"))
        _check_claims(claims, issuers, audiences, self._clock.now())
        if nonce is not None and claims.get("nonce") != nonce:
            raise _invalid("nonce")
        if hosted_domain is not None and claims.get("hd") != hosted_domain:
            raise _invalid("hd")
        return _identity(claims)


def _check_claims(
    claims: dict[str, Any], issuers: Collection[str], audiences: Collection[str], now: datetime
) -> None:
    if not isinstance(claims.get("iss"), str) or claims["iss"] not in issuers:
        raise _invalid("iss")
    if not isinstance(claims.get("aud"), str) or claims["aud"] not in audiences:
        raise _invalid("aud")
    if not _presents(claims.get("azp", claims["aud"]), audiences):
        raise _invalid("azp")
    check_times(claims, now, _invalid, required=("exp", "iat"))
    try:
        members.required(members.token(claims, "sub", _MAX_SUB), "sub")
    except Malformed as error:
        raise _invalid(error.name) from None


def _presents(azp: object, audiences: Collection[str]) -> bool:
    """Return whether `azp` is one of our clients, or a native app of the same Google Cloud project.

    Client ids begin with the project's number and a hyphen.
    """
    projects = {audience.split("-", 1)[0] for audience in audiences if "-" in audience}
    return isinstance(azp, str) and (azp in audiences or azp.split("-", 1)[0] in projects)


def _identity(claims: dict[str, Any]) -> Identity:
    """Return the profile; malformed claims other than `sub` are left out."""

    def text(name: str) -> str | None:
        return members.shown(claims, name, _MAX_TEXT)

    return Identity(
        sub=claims["sub"],
        email=_address(claims, "email", _MAX_EMAIL) or "",
        email_verified=claims.get("email_verified") in (True, "true"),
        name=text("name"),
        given_name=text("given_name"),
        family_name=text("family_name"),
        picture=_address(claims, "picture", _MAX_PICTURE),
        locale=_address(claims, "locale", _MAX_TEXT),
        hosted_domain=_address(claims, "hd", _MAX_TEXT),
    )


def _address(claims: dict[str, Any], name: str, max_length: int) -> str | None:
    try:
        found = members.opaque(claims, name, max_length)
    except Malformed:
        return None
    return found if found and found.isprintable() and " " not in found else None


# The sender of a token can correct these; other failed checks get a general message.
_MESSAGES = {
    "aud": "This ID token was issued for another client. Ask Google for one with the web client's id as "
    "server client id, or have the app's own client id added to CATFLAP_GOOGLE_AUDIENCES.",
    "azp": "This ID token was presented by a client of another Google Cloud project.",
    "nonce": "This ID token does not carry the nonce that was given for it; ask Google for a new one.",
    "exp": "This ID token has expired; ask Google for a new one.",
    "iat": "This ID token is from the future; check the clocks.",
    "nbf": "This ID token is not valid yet; check the clocks.",
    "size": "This is too long for an ID token of Google's.",
}


def _invalid(check: str) -> Tampered:
    message = _MESSAGES.get(check, "Google's ID token did not verify; please sign in again.")
    return Tampered("id_token_invalid", message, detail=check)
