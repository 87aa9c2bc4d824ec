"""Bearer JWTs of another issuer: an app with its own login calls our API for its users (RFC 7519, RFC 8725).

A token is verified at every request and never stored; its subject becomes a user at the first request.
Symmetric algorithms are refused, because the key that verifies could then also sign.
"""

from datetime import timedelta

from catflap.clock import Clock
from catflap.errors import BadRequest, TryAgain
from catflap.google.jwks import JwksCache
from catflap.google.token_times import check_times
from catflap.log import log

_ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
_MAX_SUBJECT = 255
_RETRY_AFTER = timedelta(seconds=5)


class ExternalJwtVerifier:
    """Verifies the tokens of one issuer for one audience."""

    def __init__(self, keys: JwksCache, clock: Clock, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience

    async def subject(self, token: str) -> str:
        """Verify a token and return its subject: the app's id of the user.

        Raises:
            BadRequest: `unauthenticated`, with the failed check as detail.
            TryAgain: `jwt_issuer_unavailable`: the issuer's keys can't be fetched.
        """
        claims = await self._keys.claims(token, _ALGORITHMS, _refused)
        if claims.get("iss") != self._issuer:
            raise _refused("iss")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused("aud")
        check_times(claims, self._clock.now(), _refused)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not subject.isprintable():
            raise _refused("sub")
        return subject


def issuer_unavailable(detail: str) -> TryAgain:
    """Build the error for an issuer whose keys can't be fetched, and log it."""
    log.warning("jwt_issuer_unavailable", detail=detail)
    return TryAgain(
        "jwt_issuer_unavailable",
        "The issuer of this app's tokens does not give its keys (CATFLAP_JWT_JWKS_URL); please try again "
        "in a moment.",
        detail=detail,
        after=_RETRY_AFTER,
    )


def _refused(check: str) -> BadRequest:
    return BadRequest("unauthenticated", "This bearer token is not valid here.", detail=check)
