"""Users, codes and consent links of back ends with their own login."""

from typing import Annotated, Literal

from pydantic import Field

from catflap.signin import Purpose
from catflap.signin.client_input import MAX_SENT
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, Instant, ScopeWords, StrictBody

Sub = Annotated[
    Text,
    Field(min_length=1, max_length=255, description="The `sub` of the only account that may come back."),
]
_EXTERNAL_ID = "What the app calls this user."


class UserBody(StrictBody):
    """A user to create, by the id that the app has for them."""

    external_id: (
        Annotated[Text, Field(min_length=1, max_length=255, description=_EXTERNAL_ID, examples=["user-4711"])]
        | None
    ) = None


class UserResource(Answer):
    """A user of another back end."""

    id: int = Field(examples=[17])
    external_id: str | None = Field(description=_EXTERNAL_ID)


class UserCodeBody(StrictBody):
    """A one-time code that the app's own client got from Google."""

    code: Annotated[Text, Field(max_length=MAX_SENT, examples=["4/0AQSTgQ…"])]
    client: Literal["native", "popup", "web"] = Field(
        "native", description="Where the code came from; `web` needs `redirect_uri`."
    )
    redirect_uri: Annotated[Text, Field(max_length=2000)] | None = None
    code_verifier: Annotated[Text, Field(max_length=128, description="RFC 7636.")] | None = None
    scopes: ScopeWords = ""
    account: Sub | None = None


class ConsentBody(StrictBody):
    """Request for a consent link: scopes, purpose, and the URL to return to."""

    scopes: ScopeWords
    return_to: Annotated[
        Text,
        Field(
            max_length=2000,
            description="One of the addresses in `CATFLAP_RETURN_URLS`.",
            examples=["https://shop.example.com/calendar/connected"],
        ),
    ]
    purpose: Purpose | None = Field(
        None,
        description="`add_scopes` for an account the user has (if they have any), `link` for another one.",
    )
    account: Sub | None = None
    prompt: Annotated[
        Text, Field(max_length=100, description="`consent`, `select_account`, both or nothing.")
    ] = ""


class ConsentLink(Answer):
    """One-time consent link for a user, valid for ten minutes."""

    id: int
    purpose: Purpose
    url: str = Field(json_schema_extra={"format": "uri"})
    expires_at: Instant


class ConfirmBody(StrictBody):
    """The code that arrived at `return_to`, in the session of the user it is for."""

    code: Annotated[Text, Field(min_length=1, max_length=200)]
