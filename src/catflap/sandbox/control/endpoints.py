"""The control API: JSON in, JSON out, for clients of any language.

It has no authentication: the sandbox listens on loopback unless told otherwise and holds nothing real.
Failures are `{"error": "a sentence"}` with 400 or 404.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.responses import Response

from catflap.sandbox import powers
from catflap.sandbox.app import Endpoint
from catflap.sandbox.calendar import importing, writing
from catflap.sandbox.calendar.push import shown as shown_channel
from catflap.sandbox.calendar.setting_values import change_settings
from catflap.sandbox.call import Call
from catflap.sandbox.control.reading import Body
from catflap.sandbox.errors import ApiError
from catflap.sandbox.faults import Fault
from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.responses import json_response

Action = Callable[[Call, Body], Any]


def _guarded(action: Action) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        try:
            body = Body.of(call)
            result = action(call, body)
        except LookupError as error:
            return json_response({"error": str(error.args[0]) if error.args else "not found"}, 404)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        except ApiError as refusal:
            return json_response({"error": str(refusal.body["message"])}, 400)
        return json_response(result)

    return handler


def _account(account: SandboxAccount) -> dict[str, Any]:
    return {"sub": account.sub, "email": account.email, "name": account.name, "locale": account.locale}


def accounts(call: Call, body: Body) -> Any:
    """Every account."""
    return {"accounts": [_account(account) for account in call.world.accounts.values()]}


def add_accounts(call: Call, body: Body) -> Any:
    """One account by `email`, or `count` of them; with `client_id` and `scopes` each has tokens at once."""
    world = call.world
    count, client_id, scopes = body.integer("count"), body.text("client_id"), body.texts("scopes")
    if count is not None:
        made = powers.add_accounts(world, count, body.text("domain") or "load.example.com")
    else:
        email = body.needed("email")
        made = [world.add_account(email, body.text("name"), body.text("sub"), body.text("locale") or "en")]
    if client_id is None:
        return {"accounts": [_account(account) for account in made]}
    tokens = [powers.grant(world, account.email, client_id, scopes) for account in made]
    return {"accounts": [_account(a) | t for a, t in zip(made, tokens, strict=True)]}


def delete_account(call: Call, body: Body) -> Any:
    """Delete an account."""
    powers.delete_account(call.world, call.path["email"])
    return {}


def add_client(call: Call, body: Body) -> Any:
    """Register an OAuth client."""
    client = powers.add_client(
        call.world,
        body.needed("client_id"),
        body.needed("client_secret"),
        body.texts("redirect_uris"),
        body.texts("origins"),
        body.text("project") or "demo",
        body.flag("testing"),
        body.texts("testers"),
        body.text("client_type"),
    )
    return asdict(client)


def delete_client(call: Call, body: Body) -> Any:
    """Delete a client, as Google does with unused ones."""
    client = call.world.clients.get(call.path["clientId"])
    if client is None:
        raise LookupError(f"there is no client {call.path['clientId'][:200]}")
    client.deleted = True
    return {}


def mint_code(call: Call, body: Body) -> Any:
    """A one-time code without any page: `kind` is native (default), popup or web."""
    code = powers.mint_code(
        call.world,
        body.needed("email"),
        body.needed("client_id"),
        body.texts("scopes"),
        body.text("kind") or "native",
        body.text("redirect_uri") or "",
        body.text("nonce"),
        body.flag("force_refresh_token"),
    )
    return {"code": code}


def grant(call: Call, body: Body) -> Any:
    """Tokens without any page."""
    return powers.grant(call.world, body.needed("email"), body.needed("client_id"), body.texts("scopes"))


def answer_device(call: Call, body: Body) -> Any:
    """Allow a device that waits with `user_code`, or `deny` it."""
    allow = not body.flag("deny")
    scopes = powers.answer_device(call.world, body.needed("user_code"), body.needed("email"), allow)
    return {"scopes": scopes}


def revoke(call: Call, body: Body) -> Any:
    """What a person does at their account page."""
    return {"projects": powers.revoke_access(call.world, body.needed("email"), body.text("project"))}


def expire(call: Call, body: Body) -> Any:
    """Let `what` (access, refresh, sync, channels) run out, of one account or of all."""
    powers.expire(call.world, body.needed("what"), body.text("email"))
    return {}


def clock(call: Call, body: Body) -> Any:
    """The time; move it by `seconds` or `to` an instant."""
    to = body.text("to")
    if call.method == "POST":
        powers.move_clock(
            call.world, body.number("seconds") or 0.0, datetime.fromisoformat(to) if to else None
        )
    return {"now": call.world.now().isoformat()}


def rotate_keys(call: Call, body: Body) -> Any:
    """Sign with a new key; `withdraw` also stops publishing the old ones."""
    return {"kid": call.world.keys.rotate(keep=not body.flag("withdraw"))}


def faults(call: Call, body: Body) -> Any:
    """The rules in force."""
    return {"faults": [_fault(rule) for rule in call.world.faults.rules]}


def _fault(rule: Fault) -> dict[str, Any]:
    return {**asdict(rule), "until": rule.until.isoformat() if rule.until else None}


def add_fault(call: Call, body: Body) -> Any:
    """Put a rule in force."""
    rule = Fault(
        endpoint=body.text("endpoint") or "*",
        account=body.text("account"),
        client=body.text("client"),
        status=body.integer("status"),
        error=body.text("error"),
        latency=body.number("latency") or 0.0,
        drop=body.text("drop"),
        garbage=body.flag("garbage"),
        parameter=body.text("parameter"),
        times=body.integer("times"),
        every=body.integer("every") or 1,
    )
    return {"id": powers.fault(call.world, rule, body.number("seconds"))}


def lift_faults(call: Call, body: Body) -> Any:
    """Lift one rule, or all."""
    number = call.path.get("id")
    if number is not None and not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise LookupError("there is no such rule")
    call.world.faults.remove(int(number) if number else None)
    return {}


def requests(call: Call, body: Body) -> Any:
    """The request log, filtered by endpoint, account, refresh_token, status and since."""
    query = call.query
    status, since = query.get("status", ""), query.get("since", "")
    found = call.world.journal.find(
        query.get("endpoint"),
        query.get("account"),
        query.get("refresh_token"),
        int(status) if status else None,
        int(since) if since else 0,
    )
    return {"count": len(found), "requests": found, "counts": dict(call.world.journal.counts)}


def clear_requests(call: Call, body: Body) -> Any:
    """Empty the request log."""
    call.world.journal.clear()
    return {}


def import_ical(call: Call, body: Body) -> Any:
    """Put an iCalendar file (the request's body) into a calendar, which is made if there is none."""
    account = powers.account_of(call.world, call.path["email"])
    name = call.path["calendarId"]
    found = call.world.diaries.find(account, name)
    diary = found[0] if found else call.world.diaries.create(account, name, name, "UTC")
    report = importing.import_ical(diary, account, call.body, call.world.now())
    told = {"skipped": report.skipped, "assumed": report.assumed}
    lists = {name: [finding._asdict() for finding in found] for name, found in told.items() if found}
    return {"events": report.imported, **lists}


def set_settings(call: Call, body: Body) -> Any:
    """The Calendar settings of an account; POST sets those in the body, such as `timezone`."""
    account = powers.account_of(call.world, call.path["email"])
    values = {name: body.needed(name) for name in body.values} if call.method == "POST" else {}
    return change_settings(call.world, account, values)


def insert_event(call: Call, body: Body) -> Any:
    """Put an event into a calendar."""
    diary = powers.diary_of(call.world, call.path["email"], call.path["calendarId"])
    account = powers.account_of(call.world, call.path["email"])
    return writing.insert(diary, account, body.values, call.world.now())


def channels(call: Call, body: Body) -> Any:
    """Open push channels and what was sent on them."""
    open_ones = call.world.channels.all()
    return {"channels": [shown_channel(c) | {"answers": [p.answers for p in c.sent]} for c in open_ones]}


def add_service_account(call: Call, body: Body) -> Any:
    """A service account key that may manage a project's event stream."""
    return powers.add_service_account(call.world, body.text("project") or "demo")


def send_security_event(call: Call, body: Body) -> Any:
    """Send a signed security event."""
    token = powers.send_security_event(
        call.world,
        body.needed("event"),
        body.text("project") or "demo",
        body.text("email"),
        body.text("refresh_token"),
        body.flag("hashed"),
        body.text("reason"),
        body.text("state"),
    )
    return {"sent": token is not None, "token": token}


def _at(method: str, path: str, action: Action) -> Endpoint:
    return Endpoint(f"control.{action.__name__}", method, "/sandbox/" + path, _guarded(action))


ENDPOINTS = (
    _at("GET", "accounts", accounts),
    _at("POST", "accounts", add_accounts),
    _at("DELETE", "accounts/{email}", delete_account),
    _at("GET", "accounts/{email}/settings", set_settings),
    _at("POST", "accounts/{email}/settings", set_settings),
    _at("POST", "clients", add_client),
    _at("DELETE", "clients/{clientId}", delete_client),
    _at("POST", "codes", mint_code),
    _at("POST", "device", answer_device),
    _at("POST", "tokens", grant),
    _at("POST", "revoke", revoke),
    _at("POST", "expire", expire),
    _at("GET", "clock", clock),
    _at("POST", "clock", clock),
    _at("POST", "keys/rotate", rotate_keys),
    _at("GET", "faults", faults),
    _at("POST", "faults", add_fault),
    _at("DELETE", "faults", lift_faults),
    _at("DELETE", "faults/{id}", lift_faults),
    _at("GET", "requests", requests),
    _at("DELETE", "requests", clear_requests),
    _at("POST", "calendars/{email}/{calendarId}/import", import_ical),
    _at("POST", "calendars/{email}/{calendarId}/events", insert_event),
    _at("GET", "channels", channels),
    _at("POST", "service-accounts", add_service_account),
    _at("POST", "security-events", send_security_event),
)
