"""The authorization response (RFC 6749 section 4.1.2), as Google sends it to a redirect URI."""

from dataclasses import dataclass, field

from catflap.errors import CatflapError, Tampered, UserMustAct
from catflap.google.discovery import Endpoints


@dataclass(frozen=True)
class AuthorizationResponse:
    """The parameters of the authorization response (RFC 6749 4.1.2)."""

    code: str | None = field(default=None, repr=False)
    error: str | None = None
    iss: str | None = None

    def authorization_code(self, endpoints: Endpoints) -> str:
        """Return the code.

        Raises:
            UserMustAct: `access_denied` or `signin_failed`.
            Tampered: `iss_invalid`: the response is another server's (RFC 9207).
        """
        missing = self.iss is None and endpoints.answers_with_issuer and self.error is None
        if missing or (self.iss is not None and self.iss != endpoints.issuer):
            raise Tampered("iss_invalid", "This answer did not come from Google; please sign in again.")
        if self.error is not None or self.code is None:
            raise _refused(self.error)
        return self.code


def _refused(error: str | None) -> CatflapError:
    if error == "access_denied":
        return UserMustAct("access_denied", "You declined at Google, so nothing was stored.")
    return UserMustAct("signin_failed", "Google did not complete the sign-in; please try again.")
