"""What is the person's own: who they are here, their grants and sessions; to see, to take away, to erase."""

from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import JSONResponse, Response

from catflap.errors import BadRequest, TryAgain
from catflap.signin import Session
from catflap.signin.export import export
from catflap.store.jobs import enqueue
from catflap.store.task_types import PLAN
from catflap.vault import Grant
from catflap.web.inputs import PathId, Text
from catflap.web.profiles import account_shown, grant_shown, instant
from catflap.web.routing import new_router
from catflap.web.security import CookieNames, CurrentSession, Parts, csrf_token
from catflap.web.services import Services

router = new_router("/v1")


@router.get("/me")
async def me(request: Request, session: CurrentSession, parts: Parts, names: CookieNames) -> dict[str, Any]:
    """Who is signed in, and what they allowed."""
    accounts = await parts.users.accounts(session.user_id)
    grants = await parts.grants.of_user(session.user_id)
    answer = {
        "user_id": session.user_id,
        "accounts": [account_shown(account) for account in accounts],
        "grants": [grant_shown(grant, accounts) for grant in grants],
    }
    if session.kind == "cookie":
        answer["csrf_token"] = csrf_token(request.cookies[names.session])
    return answer


@router.delete("/me", status_code=204)
async def erase_me(session: CurrentSession, parts: Parts, names: CookieNames) -> Response:
    """Erase everything, and take every grant back at Google; not before Google has confirmed."""
    for device in await parts.devices.of_user(session.user_id):
        await parts.devices.remove(session.user_id, device.id)
    for grant in await parts.grants.of_user(session.user_id):
        if not await parts.vault.revoke(session.user_id, grant.account_sub):
            # The refresh token must outlive this request, or nobody could revoke it any more.
            raise TryAgain("google_unavailable", "Google does not answer; please erase again in a moment.")
    await parts.users.erase(session.user_id)
    response = Response(status_code=204)
    names.clear(response, names.session)
    return response


@router.get("/me/export")
async def export_me(session: CurrentSession, parts: Parts) -> Response:
    """Everything held about the person, as a file."""
    found = await export(parts.engine, parts.clock, parts.grants, session.user_id)
    headers = {"Content-Disposition": 'attachment; filename="catflap-export.json"'}
    return JSONResponse(found, headers=headers)


@router.get("/grants")
async def all_grants(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """What was allowed, for each Google account.

    `also_ends` counts other users' grants for the same account, which Google ends together with this one.
    """
    accounts = await parts.users.accounts(session.user_id)
    shown = []
    for grant in await parts.grants.of_user(session.user_id):
        others = await parts.revocation.also_ended(session.user_id, grant.account_sub)
        shown.append({**grant_shown(grant, accounts), "also_ends": len(others)})
    return {"grants": shown}


@router.delete("/grants/{grant_id}", status_code=204)
async def take_back(grant_id: PathId, session: CurrentSession, parts: Parts) -> None:
    """Take a grant back, at Google too; what was read by it goes with it."""
    grant = await _grant(parts, session, grant_id)
    await parts.vault.revoke(session.user_id, grant.account_sub)
    await parts.users.detach(session.user_id, grant.account_sub)
    async with parts.engine.begin() as connection:
        await enqueue(connection, PLAN, session.user_id)


@router.put("/accounts/{sub}/primary", status_code=204)
async def make_primary(
    sub: Annotated[Text, Path(max_length=255)], session: CurrentSession, parts: Parts
) -> None:
    """Make one of your accounts the primary one."""
    await parts.users.make_primary(session.user_id, sub)


@router.get("/session")
async def this_session(session: CurrentSession) -> dict[str, Any]:
    """Whose session this is and how long it lives at most; for pages that must notice its end."""
    return {"user_id": session.user_id, "kind": session.kind, "expires_at": instant(session.expires_at)}


@router.get("/sessions")
async def all_sessions(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Where you are signed in."""
    return {
        "sessions": [
            {
                "id": one.id,
                "kind": one.kind,
                "current": one.id == session.id,
                "user_agent": one.user_agent,
                "created_at": instant(one.created_at),
                "last_used_at": instant(one.last_used_at),
                "expires_at": instant(one.expires_at),
            }
            for one in await parts.sessions.of_user(session.user_id)
        ]
    }


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: PathId, session: CurrentSession, parts: Parts) -> None:
    """End one of your sessions."""
    if not await parts.sessions.end_one(session.user_id, session_id):
        raise BadRequest("not_found", "You have no such session.")


@router.delete("/sessions", status_code=204)
async def end_other_sessions(session: CurrentSession, parts: Parts) -> None:
    """Sign out everywhere else."""
    await parts.sessions.end_all(session.user_id, but=session.id)


async def _grant(parts: Services, session: Session, grant_id: int) -> Grant:
    for grant in await parts.grants.of_user(session.user_id):
        if grant.id == grant_id:
            return grant
    raise BadRequest("not_found", "You have no such grant.")
