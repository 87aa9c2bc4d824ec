"""The error document (RFC 9457), and its declaration in OpenAPI: the codes of an operation, by status."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import Field

from catflap.web.schemas.base import Answer, Instant, Scopes, absent
from catflap.web.schemas.error_codes import ERROR_CODES, ErrorCode

MEDIA_TYPE = "application/problem+json"
# What any operation can answer.
_ALWAYS = ("too_large", "internal_error", "database_unavailable")
# Errors of authentication; `csrf` concerns cookies only.
SESSION = ("ambiguous_credentials", "unauthenticated", "csrf", "jwt_issuer_unavailable")
MAYBE_SESSION = SESSION
API_KEY = ("unauthenticated", "forbidden", "rate_limited", "invalid_request")
DEVICE = ("unauthenticated",)
# Errors of operations that need a live access token.
VAULT = (
    "discovery_invalid",
    "google_client_rejected",
    "google_unavailable",
    "keyset_lacks_key",
    "not_found",
    "reconsent_required",
    "scope_missing",
)
# Errors of operations that write events.
WRITING = (
    *VAULT,
    "access_token_refused",
    "event_invalid",
    "event_not_found",
    "google_account_refused",
    "google_api_disabled",
    "google_budget_used",
    "google_project_refused",
    "google_quota_exceeded",
    "google_rate_limited",
    "invalid_request",
    "write_forbidden",
)
# Errors of operations that redeem a code or verify an ID token.
GOOGLE_SIGN_IN = (
    "access_denied",
    "account_mismatch",
    "admin_policy",
    "code_rejected",
    "consent_needed",
    "discovery_invalid",
    "google_client_rejected",
    "google_unavailable",
    "id_token_invalid",
    "id_token_missing",
    "invalid_request",
    "keyset_lacks_key",
    "not_allowed",
    "not_found",
    "org_internal",
    "redirect_uri_mismatch",
    "signin_by_command",
    "signin_failed",
    "state_invalid",
)


class ConsentOffer(Answer):
    """The consent that ends the error: `POST` the other members, and a `return_to`, to `create`."""

    create: str = Field(
        json_schema_extra={"format": "uri"}, examples=["https://catflap.example.com/v1/users/17/consents"]
    )
    scopes: Scopes
    purpose: str = Field(examples=["add_scopes"])
    account: str | None = absent("The `sub` of the Google account to ask.")


class NotReady(Answer):
    """One reason for which a process should get no requests."""

    code: str = Field(examples=["draining"])
    detail: str = Field(examples=["This process is about to end; ask another one."])


class CatflapProblem(Answer):
    """An error (RFC 9457). Branch on `code`, which is stable; show `detail`, which may change."""

    type: str = Field(examples=["urn:catflap:problem:not_found"], json_schema_extra={"format": "uri"})
    title: str = Field(examples=["not found"])
    status: int = Field(examples=[404], description="The HTTP status, again.")
    code: str = Field(
        examples=["not_found"], description="What programs branch on; `docs/api.md` has them all."
    )
    detail: str = Field(
        examples=["There is no such user."], description="What to do, in a sentence for people."
    )
    consent: ConsentOffer | None = absent("The consent that ends the error, for `createConsent`.")
    reason: str | None = absent("Why Google or Catflap ended the grant, such as `invalid_grant`.")
    reasons: list[NotReady] | None = absent("Of `/readyz`: all for which the process is not ready.")
    since: Instant | None = absent("When the grant ended.")
    consent_url: str | None = absent("Where on this site the browser goes for the consent that is needed.")


class PlainError(Answer):
    """An error for clients that know no problem documents."""

    error: str


_PROBLEM = f"#/components/schemas/{CatflapProblem.__name__}"


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` for an operation that can answer `codes`, beside those that any operation can answer.

    `4XX` has the shape of what servers in between and the router itself answer; it also keeps FastAPI from
    declaring its own 422, which is never sent.
    """
    by_status: dict[int, list[ErrorCode]] = defaultdict(list)
    for code in sorted({*codes, *_ALWAYS}):
        by_status[ERROR_CODES[code].status].append(ERROR_CODES[code])
    declared: dict[int | str, dict[str, Any]] = {
        status: _response(status, by_status[status]) for status in sorted(by_status)
    }
    return {**declared, "4XX": {"model": CatflapProblem, "description": "Any other error of the request."}}


def plain_errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the same for routes with plain errors, `{"error": …}`."""
    statuses = {ERROR_CODES[code].status for code in (*codes, *_ALWAYS)}
    declared: dict[int | str, dict[str, Any]] = {
        status: {"model": PlainError, "description": HTTPStatus(status).phrase, "headers": _headers(status)}
        for status in sorted(statuses)
    }
    declared[413]["content"] = {MEDIA_TYPE: {"schema": {"$ref": _PROBLEM}}}
    return {**declared, "4XX": {"model": PlainError, "description": "Any other error of the request."}}


def _response(status: int, codes: Iterable[ErrorCode]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": "; ".join(f"`{one.code}`: {one.remedy.rstrip('.')}" for one in codes) + ".",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _PROBLEM},
                "examples": {one.code: {"value": _example(one)} for one in codes},
            }
        },
    }
    if headers := _headers(status):
        response["headers"] = headers
    return response


def _headers(status: int) -> dict[str, Any]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "`Bearer` (RFC 6750)."}}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return {
            "Retry-After": {
                "schema": {"type": "integer", "minimum": 1},
                "description": "Seconds to wait, when that is known.",
            }
        }
    return {}


def _example(code: ErrorCode) -> dict[str, Any]:
    return problem_document(code.status, code.code, code.remedy).model_dump(mode="json")


def problem_document(status: int, code: str, detail: str, **members: Any) -> CatflapProblem:
    """Build the error document for `code`; `members` are the extension members of `CatflapProblem`."""
    return CatflapProblem(
        type=f"urn:catflap:problem:{code}",
        title=code.replace("_", " "),
        status=status,
        code=code,
        detail=detail,
        **members,
    )
