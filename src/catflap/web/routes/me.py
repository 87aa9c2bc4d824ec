"""Resources of the signed-in user: profile, Google accounts, grants and sessions; export and erasure."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Path, Request
from fastapi.responses import JSONResponse, Response

from catflap.calendars.budget_windows import Priority
from catflap.errors import BadRequest, TryAgain
from catflap.signin import Session
from catflap.signin.export import export
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN, AccountKey
from catflap.vault import Grant
from catflap.web.authentication import CookieNames, CurrentSession, ServicesDep, csrf_token
from catflap.web.input_types import PathId, Text
from catflap.web.problem_route import new_router
from catflap.web.schemas.accounts import (
    AccountResource,
    Export,
    GrantList,
    GrantResource,
    ListedGrant,
    Me,
    SessionLifetime,
    SessionList,
    SessionResource,
)
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.services import Services

router = new_router("/v1", tag="me")
_T = TypeVar("_T")


@router.get(
    "/me",
    operation_id="getMe",
    summary="Who is signed in",
    response_description="The user, their Google accounts and grants.",
    responses=problems(*SESSION),
)
async def me(request: Request, session: CurrentSession, services: ServicesDep, names: CookieNames) -> Me:
    """Return the user with all accounts and grants; `csrf_token` only for a session of a cookie."""
    accounts = await services.users.accounts(session.user_id)
    grants = await services.grants.of_user(session.user_id)
    return Me(
        user_id=session.user_id,
        accounts=[AccountResource.of(account) for account in accounts],
        grants=[GrantResource.of(grant, accounts) for grant in grants],
        csrf_token=csrf_token(request.cookies[names.session]) if session.kind == "cookie" else None,
    )


@router.delete(
    "/me",
    status_code=204,
    response_class=Response,
    operation_id="eraseMe",
    summary="Erase the user and everything held about them",
    response_description="Erased.",
    responses=problems(*SESSION, "google_unavailable", "google_client_rejected", "not_found"),
)
async def erase_me(session: CurrentSession, services: ServicesDep, names: CookieNames) -> Response:
    """Revoke all grants at Google, then erase the user; before Google has confirmed, nothing else is."""
    for grant in await services.grants.of_user(session.user_id):
        await _stop_push(services, session.user_id, grant.account_sub)
        if not await services.vault.revoke(session.user_id, grant.account_sub):
            # The refresh token must outlive this request, or nobody could revoke it any more.
            raise TryAgain("google_unavailable", "Google does not answer; please erase again in a moment.")
    await services.members.leave_all(session.user_id)
    for device in await services.devices.of_user(session.user_id):
        await services.devices.remove(session.user_id, device.id)
    # What this process has not yet written about them would be written after they are gone.
    await services.audit.write()
    await services.users.erase(session.user_id)
    response = Response(status_code=204)
    names.clear(response, names.session)
    return response


@router.get(
    "/me/export",
    operation_id="exportMe",
    summary="Everything held about the user",
    response_model=Export,
    response_description="A JSON file; its members are tables.",
    responses={
        200: {
            "headers": {"Content-Disposition": {"schema": {"type": "string"}, "description": "A file name."}}
        },
        **problems(*SESSION),
    },
)
async def export_me(session: CurrentSession, services: ServicesDep) -> Response:
    """Return all rows about the user, without tokens, hashes and other secrets."""
    found = await export(services.engine, services.clock, services.grants, session.user_id)
    headers = {"Content-Disposition": 'attachment; filename="catflap-export.json"'}
    return JSONResponse(found, headers=headers)


@router.put(
    "/me/introduction",
    status_code=204,
    response_class=Response,
    operation_id="finishIntroduction",
    summary="Tell that the user knows Mia",
    response_description="Stored; the page shows its first minute no more.",
    responses=problems(*SESSION),
)
async def finish_introduction(session: CurrentSession, services: ServicesDep) -> None:
    """Store that the user went through, or skipped, the first minute of the page, on whichever device."""
    await services.users.introduce(session.user_id)


@router.get(
    "/grants",
    operation_id="listGrants",
    summary="What the user allowed",
    response_description="One grant for each Google account.",
    responses=problems(*SESSION),
)
async def all_grants(session: CurrentSession, services: ServicesDep) -> GrantList:
    """List the grants; `also_ends` counts other users' grants for the account, which end with this one."""
    accounts = await services.users.accounts(session.user_id)
    listed = []
    for grant in await services.grants.of_user(session.user_id):
        others = await services.revocation.also_ended(session.user_id, grant.account_sub)
        listed.append(ListedGrant.with_others(grant, accounts, len(others)))
    return GrantList(grants=listed)


@router.delete(
    "/grants/{grant_id}",
    status_code=204,
    response_class=Response,
    operation_id="revokeGrant",
    summary="Revoke a grant",
    response_description="Revoked, at Google too.",
    responses={
        202: {"description": "Revoked here; Google is told as soon as it answers."},
        **problems(*SESSION, "invalid_request", "not_found"),
    },
)
async def take_back(grant_id: PathId, session: CurrentSession, services: ServicesDep) -> Response:
    """Revoke a grant, at Google too, and erase what was read with it."""
    grant = await _grant(services, session, grant_id)
    await _stop_push(services, session.user_id, grant.account_sub)
    told_google = await services.vault.revoke(session.user_id, grant.account_sub)
    await services.users.unlink_account(session.user_id, grant.account_sub)
    async with services.engine.begin() as connection:
        await enqueue(connection, PLAN, session.user_id)
    return Response(status_code=204 if told_google else 202)


@router.put(
    "/accounts/{sub}/primary",
    status_code=204,
    response_class=Response,
    operation_id="makeAccountPrimary",
    summary="Make one of the user's Google accounts the primary one",
    response_description="It is the primary one now.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def make_primary(
    sub: Annotated[Text, Path(max_length=255, description="The account's `sub`.")],
    session: CurrentSession,
    services: ServicesDep,
) -> None:
    """Choose the account that names the user and that is used where no account is given."""
    await services.users.make_primary(session.user_id, sub)


@router.get(
    "/session",
    operation_id="getSession",
    summary="Whose session this is",
    response_description="The user, and how long the session lives at most.",
    responses=problems(*SESSION),
)
async def this_session(session: CurrentSession) -> SessionLifetime:
    """Return user, kind and end of the session, for pages that must notice when it ends."""
    return SessionLifetime(user_id=session.user_id, kind=session.kind, expires_at=session.expires_at)


@router.get(
    "/sessions",
    operation_id="listSessions",
    summary="Where the user is signed in",
    response_description="All live sessions.",
    responses=problems(*SESSION),
)
async def all_sessions(session: CurrentSession, services: ServicesDep) -> SessionList:
    """List the sessions of browsers and native apps; `current` is the one of this request."""
    found = await services.sessions.of_user(session.user_id)
    return SessionList(sessions=[SessionResource.of(one, current=one.id == session.id) for one in found])


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    response_class=Response,
    operation_id="endSession",
    summary="End one of the user's sessions",
    response_description="Ended.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def end_session(session_id: PathId, session: CurrentSession, services: ServicesDep) -> None:
    """End a session, which may be the one of this request."""
    if not await services.sessions.end_one(session.user_id, session_id):
        raise BadRequest("not_found", "You have no such session.")


@router.delete(
    "/sessions",
    status_code=204,
    response_class=Response,
    operation_id="endOtherSessions",
    summary="Sign out everywhere else",
    response_description="All other sessions have ended.",
    responses=problems(*SESSION),
)
async def end_other_sessions(session: CurrentSession, services: ServicesDep) -> None:
    """End all sessions but the one of this request."""
    await services.sessions.end_all(session.user_id, but=session.id)


async def _stop_push(services: Services, user_id: int, account_sub: str) -> None:
    """Stop Google's notifications about the account's calendars, as long as there is a token to do so."""
    if services.push_channels is None:
        return

    async def call(request: Callable[[str], Awaitable[_T]], scope: str) -> _T:
        token = await services.vault.access_token(user_id, account_sub, prefer=[scope])
        await services.request_budget.acquire(user_id, Priority.SYNC)
        return await request(token.token)

    await services.push_channels.stop_all(AccountKey(user_id, account_sub), call)


async def _grant(services: Services, session: Session, grant_id: int) -> Grant:
    for grant in await services.grants.of_user(session.user_id):
        if grant.id == grant_id:
            return grant
    raise BadRequest("not_found", "You have no such grant.")
