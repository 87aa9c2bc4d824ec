"""Sign-in by a command on a laptop, with the loopback redirect of a desktop client (RFC 8252)."""

from typing import Annotated

from pydantic import Field

from catflap.web.input_types import Text
from catflap.web.schemas.accounts import ProfileResource
from catflap.web.schemas.base import Answer, Scopes, ScopeWords, StrictBody, absent
from catflap.web.schemas.signin import Code


class DesktopClientResource(Answer):
    """What a command needs to send its person's browser to Google."""

    client_id: str = Field(description="The OAuth client of type “Desktop app”; its secret stays here.")
    scope: str = Field(description="Separated by spaces, as Google spells them.")
    discovery_url: str = Field(
        description="The OpenID Connect discovery document of the Google that is asked here."
    )


class DesktopCodeBody(StrictBody):
    """A one-time code that a command got at its loopback address, and what it was asked for with."""

    code: Code
    code_verifier: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$", description="Of PKCE (RFC 7636).")
    ]
    redirect_uri: Annotated[
        str,
        Field(
            pattern=r"^http://(127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}/?$",
            description="Where Google sent the browser: an address of the machine itself.",
            examples=["http://127.0.0.1:49152/"],
        ),
    ]
    nonce: Annotated[Text, Field(min_length=16, max_length=200)]
    scopes: ScopeWords | None = None


class HandoverResource(Answer):
    """A form for the browser that came back from Google: `POST` `handover` to `action`, to be signed in."""

    action: str = Field(json_schema_extra={"format": "uri"})
    handover: str = Field(description="Works once, from a page of the redirect URI's origin.")
    expires_in: int = Field(description="Seconds.", examples=[300])


class DesktopSignInResource(Answer):
    """Who signed in, what they allowed, and how their browser is signed in too."""

    user_id: int = Field(examples=[17])
    account: ProfileResource
    granted: Scopes
    missing: Scopes = Field(description="What was asked and not allowed.")
    page: str | None = absent("The page; left out where there is none.")
    handover: HandoverResource


class HandoverForm(StrictBody):
    """Form by which a browser takes a sign-in over."""

    handover: str = Field(description="As in the answer to the command.")
