"""Allow-list of Google accounts that may sign in."""

from dataclasses import dataclass

from catflap.errors import BadRequest
from catflap.google.id_token import Identity


@dataclass(frozen=True)
class SignInPolicy:
    """Sign-in policy: everybody, unless domains or addresses are configured; then only those.

    Args:
        domains: Google Workspace domains. Compared with the `hd` claim, never with the address: only `hd`
            says that the domain's owner manages the account (OpenID Connect guide).
        emails: addresses, lower-case; they count only when Google has verified them.
    """

    domains: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()

    def check(self, identity: Identity) -> None:
        """Check that an identity may sign in.

        Raises:
            BadRequest: `not_allowed`.
        """
        if not self.domains and not self.emails:
            return
        if identity.hosted_domain is not None and identity.hosted_domain.lower() in self.domains:
            return
        if identity.email_verified and identity.email.lower() in self.emails:
            return
        if self.emails and not identity.email:
            raise BadRequest(
                "not_allowed",
                "Who may sign in here is decided by the address: ask Google for the scope email.",
            )
        raise BadRequest("not_allowed", "This Google account may not sign in here.")

    @property
    def hint(self) -> str | None:
        """The `hd` parameter for Google's account chooser, when exactly one domain is allowed."""
        return next(iter(self.domains)) if len(self.domains) == 1 and not self.emails else None
