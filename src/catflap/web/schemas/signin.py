"""Sign-in: one-time codes, ID tokens, and who signed in."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field

from catflap.signin import Popup, Purpose, SignInResult
from catflap.signin.client_input import MAX_SENT
from catflap.signin.sessions import ABSOLUTE
from catflap.web.input_types import Id, Text
from catflap.web.schemas.accounts import CSRF_MEMBER, ProfileResource
from catflap.web.schemas.base import Answer, Scopes, ScopeWords, StrictBody, absent

Code = Annotated[Text, Field(max_length=MAX_SENT, description="The one-time code.", examples=["4/0AQSTgQ…"])]
SentState = Annotated[
    Text,
    Field(max_length=200, description="The `state` of `GET /signin/google/popup`, if the page asked it."),
]


class CodeBody(StrictBody):
    """A one-time authorization code, with the scopes and purpose it was asked for."""

    code: Code
    client: Literal["popup", "native"] = Field(
        description="`popup`: a page with Google's code client; `native`: an app's `serverAuthCode`."
    )
    state: SentState | None = None
    scopes: ScopeWords | None = None
    purpose: Purpose | None = None
    account: Annotated[Text, Field(max_length=255)] | None = None


class CredentialBody(StrictBody):
    """An ID token from Google's button (with the state of `/signin/google/popup`) or from a native app."""

    credential: Annotated[Text, Field(max_length=16_384, description="The ID token.", examples=["eyJhbGci…"])]
    client: Literal["popup", "native"] = "popup"
    state: SentState | None = None
    nonce: Annotated[Text, Field(max_length=200)] | None = None


class CredentialForm(StrictBody):
    """Form that Google's sign-in button posts in redirect mode; its other fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    credential: str = Field(description="The ID token.")
    g_csrf_token: str = Field(description="The same as in the cookie `g_csrf_token`.")


class PopupResource(Answer):
    """Parameters for Google's code client in a popup."""

    client_id: str
    scope: str = Field(description="Separated by spaces, as Google spells them.")
    state: str
    nonce: str
    login_hint: str | None
    select_account: bool
    expires_in: int = Field(description="Seconds until the state is of no use any more.")
    cookie_returned: bool = Field(
        description="Whether the browser sent the cookie of an earlier answer; false at a first call, and "
        "wherever it keeps no cookie of ours: then no code is accepted."
    )

    @classmethod
    def of(cls, popup: Popup, expires_in: int, *, cookie_returned: bool) -> Self:
        """Build it; `expires_in` is the lifetime of the state in seconds."""
        return cls(
            client_id=popup.client_id,
            scope=popup.scope,
            state=popup.state,
            nonce=popup.nonce,
            login_hint=popup.login_hint,
            select_account=popup.select_account,
            expires_in=expires_in,
            cookie_returned=cookie_returned,
        )


class BearerResource(Answer):
    """A bearer token for a client to keep (RFC 6750 section 4)."""

    token: str = Field(description="Shown once.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.", examples=[7776000])

    @classmethod
    def of(cls, token: str) -> Self:
        """Build it from a new session token."""
        return cls(token=token, token_type="Bearer", expires_in=int(ABSOLUTE.total_seconds()))  # noqa: S106 (its scheme)


class SignInResource(Answer):
    """Result of a sign-in or link: user, account, granted and missing scopes."""

    user_id: int = Field(examples=[17])
    account: ProfileResource
    granted: Scopes
    missing: Scopes = Field(description="What was asked and not allowed.")
    csrf_token: str | None = absent(CSRF_MEMBER)
    token: str | None = absent("The bearer token of a native app that signed in; shown once.")
    token_type: Literal["Bearer"] | None = absent("With `token`.")
    expires_in: int | None = absent("Seconds that `token` lives at most.")

    @classmethod
    def of(cls, received: SignInResult, *, csrf_token: str | None = None, bearer: str | None = None) -> Self:
        """Build it: `csrf_token` for the session of a browser, `bearer` for a native app."""
        keeps = {} if bearer is None else BearerResource.of(bearer).model_dump()
        return cls(
            user_id=received.user_id,
            account=ProfileResource.of_person(received.identity),
            granted=sorted(received.granted),
            missing=sorted(received.missing),
            csrf_token=csrf_token,
            **keeps,
        )


class AppTokensBody(StrictBody):
    """Request of the mobile app: its user and the `serverAuthCode`."""

    # Any id the app may have: positive, and within what its own 64-bit integers hold.
    userId: Id  # noqa: N815 (the app's spelling)
    authCode: Annotated[Text, Field(min_length=1, max_length=MAX_SENT)]  # noqa: N815


class AppTokensSaved(Answer):
    """The mobile app's code was redeemed."""

    message: Literal["Token saved successfully"]
