"""The acl endpoints of Calendar v3: access control rules of calendars.

Sources: calendar.v3 discovery document; guide "Calendar sharing"; error reasons as observed.
Choices: their status codes and some of their messages.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from catflap.sandbox.access import needs
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import push, tokens, writing
from catflap.sandbox.calendar.diary import Diary
from catflap.sandbox.calendar.endpoints import diary_of, match, respond
from catflap.sandbox.calendar.sharing import ROLES, SCOPES, Rule, rank, rule_id
from catflap.sandbox.call import Call
from catflap.sandbox.errors import ApiError
from catflap.sandbox.oauth import scopes
from catflap.sandbox.responses import no_content

WRITE = frozenset({scopes.CALENDAR, scopes.ACLS})
LIST = WRITE | {scopes.ACLS_READ}
READ = LIST | {scopes.CALENDAR_READ}
ACL = "/calendar/v3/calendars/{calendarId}/acl"


def _diary(call: Call, role: str) -> Diary:
    """Return the calendar in the path, for users of at least this role."""
    diary, entry = diary_of(call)
    if rank(entry.access_role) < rank(role):
        message = f"You need to have {role} access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, domain="calendar")
    owner = call.world.accounts[diary.owner].email
    diary.rules.setdefault(rule_id("user", owner), Rule("user", owner, "owner", diary.etag))
    return diary


def _rule(diary: Diary, name: str) -> Rule:
    rule = diary.rules.get(name) or diary.rules.get(name.lower())
    if rule is None or rule.role == "none":
        raise writing.not_found()
    return rule


def _resource(rule: Rule) -> dict[str, Any]:
    scope = {"type": rule.scope, **({"value": rule.value} if rule.value else {})}
    kind = "calendar#aclRule"
    return {"kind": kind, "etag": f'"{rule.etag}"', "id": rule.id, "scope": scope, "role": rule.role}


def listed(call: Call) -> Response:
    """Handle `acl.list`."""
    diary = _diary(call, "writer")
    since, show_deleted = -1, call.flag("showDeleted")
    if token := call.query.get("syncToken"):
        tokens.refuse_restrictions(call, ())
        parts = tokens.unpack("acl", token, (str, int, int))
        if not parts or parts[0] != diary.id:
            raise tokens.invalid_sync_token()
        if parts[1] != diary.generation or parts[2] > diary.acl_changes:
            raise tokens.gone()
        since, show_deleted = parts[2], True
    snapshot, start = diary.acl_changes, 0
    if page := call.query.get("pageToken"):
        parts = tokens.unpack("aclpage", page, (str, int, int))
        if not parts or parts[0] != diary.id or parts[1] < 0:
            raise tokens.invalid_page_token()
        start, snapshot = parts[1], min(parts[2], snapshot)
    rules = [r for r in diary.rules.values() if r.changed > since and (show_deleted or r.role != "none")]
    most = call.number("maxResults", 100, 1, 250)
    body: dict[str, Any] = {
        "kind": "calendar#acl",
        "etag": f'"p{diary.etag}{diary.acl_changes}"',
        "items": [_resource(rule) for rule in rules[start : start + most]],
    }
    if start + most < len(rules):
        body["nextPageToken"] = tokens.pack("aclpage", diary.id, start + most, snapshot)
    else:
        body["nextSyncToken"] = tokens.pack("acl", diary.id, diary.generation, snapshot)
    return respond(call, body)


def got(call: Call) -> Response:
    """Handle `acl.get`."""
    return respond(call, _resource(_rule(_diary(call, "writer"), call.path["ruleId"])))


def inserted(call: Call) -> Response:
    """Handle `acl.insert`; a rule about the same scope is replaced."""
    diary = _diary(call, "owner")
    body = call.json()
    scope, value = _scope(body)
    return _share(call, diary, scope, value, _role(body, scope))


def changed(call: Call) -> Response:
    """Handle `acl.patch` and `acl.update`."""
    diary = _diary(call, "owner")
    rule = _rule(diary, call.path["ruleId"])
    match(call, f'"{rule.etag}"')
    body = call.json()
    if (call.method == "PUT" or "scope" in body) and rule_id(*_scope(body)) != rule.id:
        raise ApiError(400, "invalid", "The scope of an access control rule cannot be changed.")
    role = _role(body, rule.scope) if call.method == "PUT" or "role" in body else rule.role
    return _share(call, diary, rule.scope, rule.value, role)


def deleted(call: Call) -> Response:
    """Handle `acl.delete`."""
    diary = _diary(call, "owner")
    rule = _rule(diary, call.path["ruleId"])
    match(call, f'"{rule.etag}"')
    _share(call, diary, rule.scope, rule.value, "none")
    return no_content()


def watched(call: Call) -> Response:
    """Handle `acl.watch`."""
    diary = _diary(call, "writer")
    uri = f"{call.world.base_url}/calendar/v3/calendars/{call.path['calendarId']}/acl?alt=json"
    return push.open_channel(call, f"acl:{diary.id}", uri)


def _share(call: Call, diary: Diary, scope: str, value: str, role: str) -> Response:
    assert call.account is not None
    before = diary.rules.get(rule_id(scope, value))
    if scope == "user" and (before.role if before else "none") != role:
        if value == call.account.email:
            message = "Cannot change your own access level."
            raise ApiError(403, "cannotChangeOwnAcl", message, domain="calendar")
        if value == call.world.accounts[diary.owner].email:
            message = "The access level of the calendar's data owner cannot be changed."
            raise ApiError(403, "cannotModifyAclOfCalendarOwner", message, domain="calendar")
    rule = call.world.diaries.share(diary, scope, value, role, call.world.accounts.values())
    call.world.channels.changed(f"acl:{diary.id}")
    return respond(call, _resource(rule))


def _scope(body: dict[str, Any]) -> tuple[str, str]:
    scope = body.get("scope")
    kind = scope.get("type") if isinstance(scope, dict) else None
    if not isinstance(scope, dict) or kind is None:
        raise ApiError(400, "required", "Missing scope type." if scope else "Missing scope.")
    value = scope.get("value")
    if kind not in SCOPES:
        raise ApiError(400, "invalid", "Invalid scope type.")
    if kind == "default":
        return "default", ""
    fits = isinstance(value, str) and 0 < len(value) <= 254 and value.isprintable() and " " not in value
    if not isinstance(value, str) or not fits or (kind != "domain") is not ("@" in value.strip("@")):
        raise ApiError(400, "invalidScopeValue", "Invalid scope value.", domain="calendar")
    return str(kind), value.lower()


def _role(body: dict[str, Any], scope: str) -> str:
    role = body.get("role")
    if role is None:
        raise ApiError(400, "required", "Missing role.")
    if role not in ROLES:
        raise ApiError(400, "invalid", "Invalid value for field 'role'.")
    if scope == "default" and rank(role) > rank("reader"):
        message = "The public can only be given read access."
        raise ApiError(400, "illegalAccessRoleForDefault", message, domain="calendar")
    return str(role)


ENDPOINTS = (
    Endpoint("calendar.acl.list", "GET", ACL, needs(LIST, listed)),
    Endpoint("calendar.acl.insert", "POST", ACL, needs(WRITE, inserted)),
    Endpoint("calendar.acl.watch", "POST", ACL + "/watch", needs(LIST, watched)),
    Endpoint("calendar.acl.get", "GET", ACL + "/{ruleId}", needs(READ, got)),
    Endpoint("calendar.acl.patch", "PATCH", ACL + "/{ruleId}", needs(WRITE, changed)),
    Endpoint("calendar.acl.update", "PUT", ACL + "/{ruleId}", needs(WRITE, changed)),
    Endpoint("calendar.acl.delete", "DELETE", ACL + "/{ruleId}", needs(WRITE, deleted)),
)
