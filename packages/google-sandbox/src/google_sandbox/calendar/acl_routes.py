"""The acl endpoints of Calendar v3: access control rules of calendars.

Sources: calendar.v3 discovery document; guide "Calendar sharing"; error reasons as observed.
Choices: their status codes and some of their messages.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import mutations, page_tokens, watch_routes
from google_sandbox.calendar.calendar_store import SandboxCalendar
from google_sandbox.calendar.event_routes import calendar_of, match, respond
from google_sandbox.calendar.sharing import ROLES, SCOPES, Rule, rank, rule_id
from google_sandbox.errors import ApiError
from google_sandbox.oauth import scopes
from google_sandbox.request import Call
from google_sandbox.responses import no_content

WRITE = frozenset({scopes.CALENDAR, scopes.ACLS})
LIST = WRITE | {scopes.ACLS_READ}
READ = LIST | {scopes.CALENDAR_READ}
ACL = "/calendar/v3/calendars/{calendarId}/acl"


def _calendar(call: Call, role: str) -> SandboxCalendar:
    """Return the calendar in the path, for users of at least this role."""
    calendar, entry = calendar_of(call)
    if rank(entry.access_role) < rank(role):
        message = f"You need to have {role} access to this calendar."
        raise ApiError(403, "requiredAccessLevel", message, domain="calendar")
    owner = call.state.accounts[calendar.owner].email
    calendar.rules.setdefault(rule_id("user", owner), Rule("user", owner, "owner", calendar.etag))
    return calendar


def _rule(calendar: SandboxCalendar, name: str) -> Rule:
    rule = calendar.rules.get(name) or calendar.rules.get(name.lower())
    if rule is None or rule.role == "none":
        raise mutations.not_found()
    return rule


def _resource(rule: Rule) -> dict[str, Any]:
    scope = {"type": rule.scope, **({"value": rule.value} if rule.value else {})}
    kind = "calendar#aclRule"
    return {"kind": kind, "etag": f'"{rule.etag}"', "id": rule.id, "scope": scope, "role": rule.role}


def handle_list(call: Call) -> Response:
    """Handle `acl.list`."""
    calendar = _calendar(call, "writer")
    since, show_deleted = -1, call.flag("showDeleted")
    if token := call.query.get("syncToken"):
        page_tokens.refuse_restrictions(call, ())
        parts = page_tokens.unpack("acl", token, (str, int, int))
        if not parts or parts[0] != calendar.id:
            raise page_tokens.invalid_sync_token()
        if parts[1] != calendar.generation or parts[2] > calendar.acl_changes:
            raise page_tokens.gone()
        since, show_deleted = parts[2], True
    snapshot, start = calendar.acl_changes, 0
    if page := call.query.get("pageToken"):
        parts = page_tokens.unpack("aclpage", page, (str, int, int))
        if not parts or parts[0] != calendar.id or parts[1] < 0:
            raise page_tokens.invalid_page_token()
        start, snapshot = parts[1], min(parts[2], snapshot)
    rules = [r for r in calendar.rules.values() if r.changed > since and (show_deleted or r.role != "none")]
    most = call.number("maxResults", 100, 1, 250)
    body: dict[str, Any] = {
        "kind": "calendar#acl",
        "etag": f'"p{calendar.etag}{calendar.acl_changes}"',
        "items": [_resource(rule) for rule in rules[start : start + most]],
    }
    if start + most < len(rules):
        body["nextPageToken"] = page_tokens.pack("aclpage", calendar.id, start + most, snapshot)
    else:
        body["nextSyncToken"] = page_tokens.pack("acl", calendar.id, calendar.generation, snapshot)
    return respond(call, body)


def handle_get(call: Call) -> Response:
    """Handle `acl.get`."""
    return respond(call, _resource(_rule(_calendar(call, "writer"), call.path["ruleId"])))


def handle_insert(call: Call) -> Response:
    """Handle `acl.insert`; a rule about the same scope is replaced."""
    calendar = _calendar(call, "owner")
    body = call.json()
    scope, value = _scope(body)
    return _share(call, calendar, scope, value, _role(body, scope))


def handle_change(call: Call) -> Response:
    """Handle `acl.patch` and `acl.update`."""
    calendar = _calendar(call, "owner")
    rule = _rule(calendar, call.path["ruleId"])
    match(call, f'"{rule.etag}"')
    body = call.json()
    if (call.method == "PUT" or "scope" in body) and rule_id(*_scope(body)) != rule.id:
        raise ApiError(400, "invalid", "The scope of an access control rule cannot be changed.")
    role = _role(body, rule.scope) if call.method == "PUT" or "role" in body else rule.role
    return _share(call, calendar, rule.scope, rule.value, role)


def handle_delete(call: Call) -> Response:
    """Handle `acl.delete`."""
    calendar = _calendar(call, "owner")
    rule = _rule(calendar, call.path["ruleId"])
    match(call, f'"{rule.etag}"')
    _share(call, calendar, rule.scope, rule.value, "none")
    return no_content()


def handle_watch(call: Call) -> Response:
    """Handle `acl.watch`."""
    calendar = _calendar(call, "writer")
    uri = f"{call.state.base_url}/calendar/v3/calendars/{call.path['calendarId']}/acl?alt=json"
    return watch_routes.open_channel(call, f"acl:{calendar.id}", uri)


def _share(call: Call, calendar: SandboxCalendar, scope: str, value: str, role: str) -> Response:
    assert call.account is not None
    before = calendar.rules.get(rule_id(scope, value))
    if scope == "user" and (before.role if before else "none") != role:
        if value == call.account.email:
            message = "Cannot change your own access level."
            raise ApiError(403, "cannotChangeOwnAcl", message, domain="calendar")
        if value == call.state.accounts[calendar.owner].email:
            message = "The access level of the calendar's data owner cannot be changed."
            raise ApiError(403, "cannotModifyAclOfCalendarOwner", message, domain="calendar")
    rule = call.state.calendar_store.share(calendar, scope, value, role, call.state.accounts.values())
    call.state.channels.changed(f"acl:{calendar.id}")
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
    Endpoint("calendar.acl.list", "GET", ACL, needs(LIST, handle_list)),
    Endpoint("calendar.acl.insert", "POST", ACL, needs(WRITE, handle_insert)),
    Endpoint("calendar.acl.watch", "POST", ACL + "/watch", needs(LIST, handle_watch)),
    Endpoint("calendar.acl.get", "GET", ACL + "/{ruleId}", needs(READ, handle_get)),
    Endpoint("calendar.acl.patch", "PATCH", ACL + "/{ruleId}", needs(WRITE, handle_change)),
    Endpoint("calendar.acl.update", "PUT", ACL + "/{ruleId}", needs(WRITE, handle_change)),
    Endpoint("calendar.acl.delete", "DELETE", ACL + "/{ruleId}", needs(WRITE, handle_delete)),
)
