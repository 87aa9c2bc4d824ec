"""Routes for back ends with their own login: users, their sessions, one-time codes and consent links."""

from fastapi import Depends, Request
from fastapi.responses import Response

from catflap.errors import BadRequest
from catflap.google.id_token import is_unnamed
from catflap.google.scopes import SIGN_IN, expand_requested
from catflap.signin import ConsentRequest, Purpose
from catflap.signin.consent_request import with_prompt
from catflap.signin.flow import NATIVE_REDIRECT_URI, POPUP_REDIRECT_URI
from catflap.web.api_key_auth import UserKey, UsersKey
from catflap.web.authentication import ServicesDep, single_parameters
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.base import json_response
from catflap.web.schemas.problems import API_KEY, GOOGLE_SIGN_IN, problems
from catflap.web.schemas.signin import BearerResource, SignInResource
from catflap.web.schemas.users import (
    ConfirmBody,
    ConsentBody,
    ConsentLink,
    UserBody,
    UserCodeBody,
    UserResource,
)
from catflap.web.services import Services

router = new_router(tag="users", dependencies=[Depends(single_parameters)])


@router.post(
    "/v1/users",
    status_code=201,
    operation_id="createUser",
    summary="Make a user, or find them again",
    response_model=UserResource,
    response_description="A new user.",
    responses={
        200: {"model": UserResource, "description": "The user who has this `external_id` already."},
        **problems(*API_KEY),
    },
)
async def make_user(body: UserBody, key: UsersKey, services: ServicesDep) -> Response:
    """Make a user; the same `external_id` names the same user again."""
    if key.user_ids is not None:
        raise BadRequest("forbidden", "This API key is for certain users only.")
    user_id, made = await services.users.get_or_create(body.external_id)
    return json_response(UserResource(id=user_id, external_id=body.external_id), 201 if made else 200)


@router.post(
    "/v1/users/{user_id}/sessions",
    status_code=201,
    operation_id="createUserSession",
    summary="Make a bearer token for a user's client",
    response_description="The token, shown once.",
    responses=problems(*API_KEY, "not_found"),
)
async def make_session(
    user_id: PathId, request: Request, key: UserKey, services: ServicesDep
) -> BearerResource:
    """Make a bearer token with which the app's client acts for this user."""
    await _known(services, user_id)
    token = await services.sessions.begin(user_id, "bearer", request.headers.get("User-Agent"))
    return BearerResource.of(token)


@router.post(
    "/v1/users/{user_id}/google/code",
    operation_id="redeemUserCode",
    summary="Redeem a one-time code for a user",
    response_description="Whose account it is, and what they allowed.",
    responses=problems(*API_KEY, *GOOGLE_SIGN_IN),
)
async def take_code(
    user_id: PathId, body: UserCodeBody, key: UserKey, services: ServicesDep
) -> SignInResource:
    """Redeem a code; account and grant become this user's, nobody is signed in."""
    await _known(services, user_id)
    wanted = expand_requested(body.scopes)
    key.check_scopes(wanted)
    asks = ConsentRequest("link", wanted | SIGN_IN, user_id, body.account)
    redirect_uri = {"native": NATIVE_REDIRECT_URI, "popup": POPUP_REDIRECT_URI}.get(body.client)
    if body.redirect_uri is not None:
        redirect_uri = body.redirect_uri
    if redirect_uri is None:
        raise BadRequest("invalid_request", "Send the redirect_uri that this code was issued for.")
    received = await services.signin.exchange_code(
        asks, body.code, redirect_uri=redirect_uri, verifier=body.code_verifier
    )
    return SignInResource.of(received)


@router.post(
    "/v1/users/{user_id}/consents",
    status_code=201,
    operation_id="createConsent",
    summary="Make a consent link for a user",
    response_description="A link that works once, within ten minutes.",
    responses=problems(*API_KEY, "not_found", "return_to_unknown"),
)
async def make_consent(
    user_id: PathId, body: ConsentBody, key: UserKey, services: ServicesDep
) -> ConsentLink:
    """Make a one-time link: the user's browser opens `url`, and Google's answer leads it to `return_to`.

    There it arrives with `catflap_consent` and, unless this browser is signed in here, with a code: confirm
    that with `confirmConsent` in the session of this user, or nothing of it becomes usable.
    """
    await _known(services, user_id)
    wanted = expand_requested(body.scopes)
    # Who somebody is is asked along with anything else, so a key need not name it.
    key.check_scopes(wanted - SIGN_IN)
    purpose = await _purpose(services, user_id, body)
    choose = purpose == "link" and body.account is None
    asks = ConsentRequest(purpose, wanted | SIGN_IN, user_id, body.account, select_account=choose)
    asks = with_prompt(asks, body.prompt)
    ticket = await services.consents.create(asks, body.return_to)
    return ConsentLink(
        id=ticket.id,
        purpose=asks.purpose,
        url=f"{services.settings.origin}{services.paths.auth}/consents/{ticket.secret}",
        expires_at=ticket.expires_at,
    )


@router.post(
    "/v1/users/{user_id}/consents/{consent_id}/confirm",
    operation_id="confirmConsent",
    summary="Confirm what came of a consent link",
    response_description="Whose account it is, and what they allowed.",
    responses=problems(*API_KEY, *GOOGLE_SIGN_IN, "expired"),
)
async def confirm_consent(
    user_id: PathId, consent_id: PathId, body: ConfirmBody, key: UserKey, services: ServicesDep
) -> SignInResource:
    """Confirm with the code that arrived in this user's session, because a link may be forwarded."""
    return SignInResource.of(await services.consents.confirm(user_id, consent_id, body.code))


async def _known(services: Services, user_id: int) -> None:
    if await services.users.external_id_of(user_id) is None:
        raise BadRequest("not_found", "There is no such user.")


async def _purpose(services: Services, user_id: int, body: ConsentBody) -> Purpose:
    """Return the purpose of a consent link: `add_scopes` for a user with an account, else `link`."""
    if body.purpose == "signin":
        raise BadRequest("invalid_request", "People sign in for themselves; send add_scopes or link.")
    accounts = {one.sub for one in await services.users.accounts(user_id) if not is_unnamed(one.sub)}
    purpose = body.purpose or ("add_scopes" if accounts else "link")
    if purpose == "add_scopes" and (not accounts or (body.account and body.account not in accounts)):
        raise BadRequest("not_found", "This user has no such account; link it.")
    return purpose
