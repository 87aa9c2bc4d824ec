"""For back ends with their own login: users, bearers, codes and consent links, each with an API key."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from catflap.errors import BadRequest
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import SIGN_IN, asked
from catflap.signin import ConsentRequest, Purpose
from catflap.signin.flow import NATIVE_REDIRECT_URI, POPUP_REDIRECT_URI
from catflap.signin.pasted import MAX_SENT
from catflap.signin.request import prompted
from catflap.web.bodies import ScopeWords
from catflap.web.inputs import PathId, Text
from catflap.web.keys import UsersKey
from catflap.web.profiles import bearer_shown, instant, received_shown
from catflap.web.routing import new_router
from catflap.web.security import Parts, single_parameters
from catflap.web.services import Services

router = new_router(dependencies=[Depends(single_parameters)])
_Sub = Annotated[Text, Field(min_length=1, max_length=255)]


class Body(BaseModel):
    """A JSON body with nothing but the members we know."""

    model_config = ConfigDict(extra="forbid", strict=True)


class UserBody(Body):
    """A user of the app; `external_id` is what the app calls them."""

    external_id: Annotated[Text, Field(min_length=1, max_length=255)] | None = None


class BackendCodeBody(Body):
    """A code that the app's own client got from Google."""

    code: Annotated[Text, Field(max_length=MAX_SENT)]
    client: Literal["native", "popup", "web"] = "native"
    redirect_uri: Annotated[Text, Field(max_length=2000)] | None = None
    code_verifier: Annotated[Text, Field(max_length=128)] | None = None
    scopes: ScopeWords = ""
    account: _Sub | None = None


class ConsentBody(Body):
    """What to ask the user, and where they go afterwards."""

    scopes: ScopeWords
    return_to: Annotated[Text, Field(max_length=2000)]
    purpose: Purpose | None = None
    account: _Sub | None = None
    prompt: Annotated[Text, Field(max_length=100)] = ""


class ConfirmBody(Body):
    """The code that arrived at `return_to`, in the session of the user it is for."""

    code: Annotated[Text, Field(min_length=1, max_length=200)]


@router.post("/v1/users")
async def make_user(body: UserBody, key: UsersKey, parts: Parts) -> Response:
    """A user of the app; the same `external_id` names the same user again."""
    if key.user_ids is not None:
        raise BadRequest("forbidden", "This API key is for certain users only.")
    user_id, made = await parts.users.make(body.external_id)
    return JSONResponse({"id": user_id, "external_id": body.external_id}, 201 if made else 200)


@router.post("/v1/users/{user_id}/sessions", status_code=201)
async def make_session(user_id: PathId, request: Request, key: UsersKey, parts: Parts) -> dict[str, Any]:
    """A bearer with which the app's client may act for this user."""
    await _known(parts, user_id)
    token = await parts.sessions.begin(user_id, "bearer", request.headers.get("User-Agent"))
    return bearer_shown(token)


@router.post("/v1/users/{user_id}/google/code")
async def take_code(user_id: PathId, body: BackendCodeBody, key: UsersKey, parts: Parts) -> dict[str, Any]:
    """Redeem a code for this user; what it allows becomes theirs, and signs nobody in."""
    await _known(parts, user_id)
    wanted = asked(body.scopes)
    key.check_scopes(wanted)
    asks = ConsentRequest("link", wanted | SIGN_IN, user_id, body.account)
    redirect_uri = {"native": NATIVE_REDIRECT_URI, "popup": POPUP_REDIRECT_URI}.get(body.client)
    if body.redirect_uri is not None:
        redirect_uri = body.redirect_uri
    if redirect_uri is None:
        raise BadRequest("invalid_request", "Send the redirect_uri that this code was issued for.")
    received = await parts.signin.redeem(
        asks, body.code, redirect_uri=redirect_uri, verifier=body.code_verifier
    )
    return received_shown(received)


@router.post("/v1/users/{user_id}/consents", status_code=201)
async def make_consent(user_id: PathId, body: ConsentBody, key: UsersKey, parts: Parts) -> dict[str, Any]:
    """A one-time link to send the user to; it lives for ten minutes."""
    await _known(parts, user_id)
    wanted = asked(body.scopes)
    # Who somebody is is asked along with anything else, so a key need not name it.
    key.check_scopes(wanted - SIGN_IN)
    purpose = await _purpose(parts, user_id, body)
    choose = purpose == "link" and body.account is None
    asks = ConsentRequest(purpose, wanted | SIGN_IN, user_id, body.account, select_account=choose)
    asks = prompted(asks, body.prompt)
    ticket = await parts.consents.make(asks, body.return_to)
    return {
        "id": ticket.id,
        "purpose": asks.purpose,
        "url": f"{parts.settings.origin}{parts.paths.auth}/consents/{ticket.secret}",
        "expires_at": instant(ticket.expires_at),
    }


@router.post("/v1/users/{user_id}/consents/{consent_id}/confirm")
async def confirm_consent(
    user_id: PathId, consent_id: PathId, body: ConfirmBody, key: UsersKey, parts: Parts
) -> dict[str, Any]:
    """Make usable what came of a link: its code arrived in the session of this user."""
    return received_shown(await parts.consents.confirm(user_id, consent_id, body.code))


async def _known(parts: Services, user_id: int) -> None:
    if await parts.users.called(user_id) is None:
        raise BadRequest("not_found", "There is no such user.")


async def _purpose(parts: Services, user_id: int, body: ConsentBody) -> Purpose:
    """More scopes for an account they have, else an account more."""
    if body.purpose == "signin":
        raise BadRequest("invalid_request", "People sign in for themselves; send add_scopes or link.")
    accounts = {one.sub for one in await parts.users.accounts(user_id) if not is_unnamed(one.sub)}
    purpose = body.purpose or ("add_scopes" if accounts else "link")
    if purpose == "add_scopes" and (not accounts or (body.account and body.account not in accounts)):
        raise BadRequest("not_found", "This user has no such account; link it.")
    return purpose
