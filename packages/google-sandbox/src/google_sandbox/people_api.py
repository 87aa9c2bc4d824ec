"""People API: `people/me`, a person's own profile.

Source: people.v1 discovery document (fields, scopes); messages and the envelope without an `errors` list are
observed. Choices: a field that the token has no scope for is left out; without any of the method's scopes the
answer is 403; other people are not found.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from google_sandbox.access import CHALLENGE, CREDENTIALS_INVALID, CREDENTIALS_MISSING, ERROR_INFO, bearer
from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError
from google_sandbox.field_masks import parse, select
from google_sandbox.models import SandboxAccount
from google_sandbox.oauth.id_token import profile
from google_sandbox.oauth.scopes import EMAIL, PREFIX, PROFILE
from google_sandbox.request import Call
from google_sandbox.responses import json_response

DOCUMENTED = "Valid paths are documented at https://developers.google.com/people/api/rest/v1/people/get."
VALID = (
    "addresses ageRange ageRanges biographies birthdays calendarUrls clientData coverPhotos emailAddresses "
    "events externalIds fileAses genders imClients interests locales locations memberships metadata "
    "miscKeywords names nicknames occupations organizations phoneNumbers photos relations sipAddresses "
    "skills urls userDefined"
)
FIELDS = frozenset(VALID.split())
SOURCES = frozenset(
    f"READ_SOURCE_TYPE_{name}"
    for name in ("UNSPECIFIED", "PROFILE", "CONTACT", "DOMAIN_CONTACT", "OTHER_CONTACT")
)
CONTACTS = frozenset(PREFIX + name for name in ("contacts", "contacts.readonly", "directory.readonly"))
FOR_NAMES = CONTACTS | {PROFILE}
FOR_EMAIL = CONTACTS | {EMAIL, PREFIX + "user.emails.read"}
ANY = frozenset(
    {EMAIL, PROFILE, PREFIX + "contacts.other.readonly", *CONTACTS}
    | {
        f"{PREFIX}user.{name}.read"
        for name in ("addresses", "birthday", "emails", "gender", "organization", "phonenumbers")
    }
)


class PeopleRefusal(ApiError):
    """An error in the newer envelope: a canonical status, details, and no list of errors."""

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        details: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, status, message, headers=headers)
        self.body = {"code": code, "message": message, "status": status}
        if details:
            self.body["details"] = details


def get(call: Call) -> Response:
    """Handle `people.get`."""
    account, scopes = _identified(call)
    if call.path["peopleId"] not in ("me", account.sub):
        raise PeopleRefusal(404, "NOT_FOUND", "Requested entity was not found.")
    wanted = _wanted(call)
    person = _person(call, account, scopes) if _from_profile(call) else {}
    shown = {name: value for name, value in person.items() if name in wanted}
    etag = hashlib.sha256(json.dumps(person, sort_keys=True).encode()).hexdigest()[:24]
    found = {"resourceName": f"people/{account.sub}", "etag": f"%{etag}", **shown}
    return json_response(select(found, parse(call.query["fields"])) if call.query.get("fields") else found)


def _identified(call: Call) -> tuple[SandboxAccount, frozenset[str]]:
    value = bearer(call)
    access = call.state.grants.access(value) if value else None
    account = call.state.accounts.get(access.sub) if access else None
    if value is None:
        details = [_error_info("CREDENTIALS_MISSING")]
        headers = {"www-authenticate": CHALLENGE}
        raise PeopleRefusal(401, "UNAUTHENTICATED", CREDENTIALS_MISSING, details, headers)
    if access is None or account is None or account.deleted:
        headers = {"www-authenticate": f'{CHALLENGE}, error="invalid_token"'}
        raise PeopleRefusal(401, "UNAUTHENTICATED", CREDENTIALS_INVALID, None, headers)
    call.token, call.account = access, account
    if access.scopes.isdisjoint(ANY):
        details = [_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")]
        headers = {"www-authenticate": f'{CHALLENGE}, error="insufficient_scope"'}
        text = "Request had insufficient authentication scopes."
        raise PeopleRefusal(403, "PERMISSION_DENIED", text, details, headers)
    return account, access.scopes


def _error_info(reason: str) -> dict[str, Any]:
    return {
        "@type": ERROR_INFO,
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {
            "service": "people.googleapis.com",
            "method": "google.people.v1.PeopleService.GetPerson",
        },
    }


def _wanted(call: Call) -> frozenset[str]:
    older = call.query.get("requestMask.includeField")
    mask = call.query.get("personFields") or older
    if not mask:
        text = f"personFields mask is required. Please specify one or more valid paths. {DOCUMENTED}"
        raise _invalid("person_fields", text)
    paths = [path.strip().removeprefix("person.") for path in mask.split(",")]
    names = {re.sub(r"_(\w)", lambda found: found[1].upper(), path.partition(".")[0]) for path in paths}
    for name in sorted(names - FIELDS):
        raise _invalid("person_fields", f'Invalid personFields mask path: "{name[:100]}". {DOCUMENTED}')
    return frozenset(names)


def _from_profile(call: Call) -> bool:
    sources = call.query.getlist("sources")
    for value in sources:
        if value not in SOURCES:
            raise _invalid("sources", f"Invalid value at 'sources' (type.googleapis.com), \"{value[:100]}\"")
    return not sources or "READ_SOURCE_TYPE_PROFILE" in sources


def _invalid(field: str, text: str) -> PeopleRefusal:
    violation = {"field": field, "description": text}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return PeopleRefusal(400, "INVALID_ARGUMENT", text, details)


def _person(call: Call, account: SandboxAccount, scopes: frozenset[str]) -> dict[str, Any]:
    source = {"type": "PROFILE", "id": account.sub}
    found = {"metadata": {"primary": True, "source": source, "sourcePrimary": True}}
    about = {"objectType": "PERSON", "userTypes": ["GOOGLE_USER"]}
    person: dict[str, Any] = {
        "metadata": {"sources": [{**source, "profileMetadata": about}], "objectType": "PERSON"}
    }
    if scopes & FOR_NAMES:
        claims = profile(call.state, account)
        family, given = account.family_name, account.given_name
        name = {
            "displayName": account.name,
            **({"familyName": family} if family else {}),
            "givenName": given,
            "displayNameLastFirst": f"{family}, {given}" if family else given,
            "unstructuredName": account.name,
        }
        picture = {"metadata": {"primary": True, "source": source}, "url": claims["picture"], "default": True}
        person |= {"names": [{**found, **name}], "photos": [picture]}
        person["locales"] = [{"metadata": {"primary": True, "source": source}, "value": account.locale}]
    if scopes & FOR_EMAIL:
        account_source = {"type": "ACCOUNT", "id": account.sub}
        metadata = {"primary": True, "verified": True, "source": account_source, "sourcePrimary": True}
        person["emailAddresses"] = [{"metadata": metadata, "value": account.email}]
    return person


ENDPOINTS = (Endpoint("people.people.get", "GET", "/v1/people/{peopleId}", get),)
