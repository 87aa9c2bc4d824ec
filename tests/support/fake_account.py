"""Routes of the fake API for accounts, grants, sessions, export and erasure."""

import json
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Response

from catflap.errors import BadRequest, TryAgain
from catflap.web.problems import problem_of
from catflap.web.schemas.accounts import (
    AccountResource,
    GrantList,
    GrantResource,
    ListedGrant,
    Me,
    SessionList,
    SessionResource,
)
from tests.support.fake_state import FakeApi

_PROFILE = {
    "email_verified": True,
    **dict.fromkeys(("given_name", "family_name", "picture", "locale")),
}
CALENDAR = ["calendar.calendarlist.readonly", "calendar.events.readonly"]


def account(number: int = 1, email: str = "alice@example.com", **more: Any) -> dict[str, Any]:
    """A Google account: members of `AccountResource`, and in `grant` those of `ListedGrant`."""
    granted = {
        "id": number,
        "account": f"sub-{number}",
        "email": email,
        "primary": number == 1,
        "state": "active",
        "reason": None,
        "ends_at": None,
        "scopes": [*CALENDAR, "email", "openid", "profile"],
        "missing_scopes": [],
        "missing_for_calendar": [],
        "also_ends": 0,
        "created_at": "2026-11-01T12:00:00Z",
        "updated_at": "2026-11-01T12:00:00Z",
    }
    grant = more.pop("grant", {})
    who = {
        "sub": f"sub-{number}",
        "email": email,
        "name": None,
        "primary": number == 1,
        "signs_in": number == 1,
    }
    return {**_PROFILE, **who, **more, "grant": None if grant is None else {**granted, **grant}}


def session(number: int, **more: Any) -> dict[str, Any]:
    """A session that was last used some hours ago; the first one is the current one."""
    return {"id": number, "kind": "cookie", "current": number == 1, "user_agent": "Firefox (Linux)", **more}


def add_account(app: FastAPI, catflap: FakeApi) -> None:
    """Add the routes of accounts, grants, sessions, export and erasure."""

    def grants() -> list[dict[str, Any]]:
        return [one["grant"] for one in catflap.accounts if one["grant"] is not None] + catflap.left_grants

    @app.get("/v1/me")
    async def me() -> Me:
        assert catflap.viewer is not None
        shown = [AccountResource.model_validate(one) for one in catflap.accounts]
        given = [GrantResource.model_validate(one) for one in grants()]
        token = catflap.viewer.csrf_token
        return Me(user_id=catflap.viewer.user_id, accounts=shown, grants=given, csrf_token=token)

    @app.get("/v1/grants")
    async def all_grants() -> GrantList:
        return GrantList(grants=[ListedGrant.model_validate(one) for one in grants()])

    @app.delete("/v1/grants/{id}")
    async def take_back(id: int) -> Response:
        owner = next((one for one in catflap.accounts if one["grant"] and one["grant"]["id"] == id), None)
        if owner is None:
            return problem_of(BadRequest("not_found", "You have no such grant."))
        grant, owner["grant"] = owner["grant"], None
        if catflap.google_away:
            catflap.left_grants.append({**grant, "state": "revoked", "reason": "user"})
        if not owner["signs_in"]:
            catflap.accounts.remove(owner)
        catflap.connected = any(one["grant"] for one in catflap.accounts)
        if not catflap.connected:
            catflap.announcements.clear()
        await catflap.tell()
        return Response(status_code=202 if catflap.google_away else 204)

    @app.put("/v1/accounts/{sub}/primary")
    async def make_primary(sub: str) -> Response:
        for one in catflap.accounts:
            one["primary"] = one["sub"] == sub
        await catflap.noticed()
        return Response(status_code=204)

    @app.get("/v1/sessions")
    async def sessions() -> SessionList:
        used = catflap.now() - timedelta(hours=3)
        times = {"created_at": used - timedelta(days=2), "last_used_at": used, "expires_at": used}
        listed = [SessionResource.model_validate({**times, **one}) for one in catflap.sessions]
        return SessionList(sessions=listed)

    @app.delete("/v1/sessions/{id}")
    async def end_one(id: int) -> Response:
        catflap.sessions = [one for one in catflap.sessions if one["id"] != id]
        return Response(status_code=204)

    @app.delete("/v1/sessions")
    async def end_others() -> Response:
        catflap.sessions = [one for one in catflap.sessions if one["current"]]
        return Response(status_code=204)

    @app.get("/v1/me/export")
    async def export() -> Response:
        found = {"exported_at": "2026-11-24T12:00:00Z", "user_id": 7, "grants": []}
        headers = {"Content-Disposition": 'attachment; filename="catflap-export.json"'}
        return Response(json.dumps(found), media_type="application/json", headers=headers)

    @app.delete("/v1/me")
    async def erase() -> Response:
        if catflap.google_away:
            return problem_of(TryAgain("google_unavailable", "Google does not answer."))
        catflap.erased = True
        await catflap.end_session()
        return Response(status_code=204)
