"""Fault injection: errors, latency, cut connections and garbage, by rule or by magic account.

A rule says where (endpoint, account, client), how often, and what. Magic accounts have such rules by their
name, so that a person at the consent page can choose a fault without any code.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from starlette.responses import Response

from google_sandbox.errors import ApiError, OAuthError
from google_sandbox.request_facts import RequestFacts

DROPS = ("before", "after")
API_ERRORS: dict[tuple[int, str | None], tuple[str, str, str]] = {
    (403, None): ("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"),
    (403, "userRateLimitExceeded"): ("usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded"),
    (403, "quotaExceeded"): ("usageLimits", "quotaExceeded", "Calendar usage limits exceeded."),
    (403, "accessNotConfigured"): ("usageLimits", "accessNotConfigured", "Access Not Configured."),
    (401, None): ("global", "authError", "Invalid Credentials"),
    (404, None): ("global", "notFound", "Not Found"),
    (429, None): ("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"),
    (410, None): ("calendar", "fullSyncRequired", "Sync token is no longer valid, a full sync is required."),
}
OAUTH_ERRORS: dict[str, tuple[int, str]] = {
    "invalid_grant": (400, "Token has been expired or revoked."),
    "invalid_client": (401, "The provided client secret is invalid."),
    "unauthorized_client": (401, "Unauthorized"),
    "deleted_client": (401, "The OAuth client was deleted."),
    "admin_policy_enforced": (400, "Access to this account is blocked by its administrator."),
    "org_internal": (403, "This client is restricted to users within its organization."),
    "server_error": (500, "Internal server error"),
    "internal_failure": (500, "Internal Failure"),
    "temporarily_unavailable": (503, "The service is temporarily unavailable."),
    "rate_limit_exceeded": (429, "Rate Limit Exceeded"),
}
GARBAGE = b'<!DOCTYPE html><title>\xff\xfe Error 200 (Sandbox)!!1</title>{"access_token": '


@dataclass(slots=True, eq=False, kw_only=True)
class Fault:
    """One rule.

    Args:
        endpoint: a name such as `oauth.token` or `calendar.events.list`; `*` stands for anything.
        account, client: an address, a client id; None for any.
        status, error: what to answer; for OAuth endpoints `error` alone is enough.
        latency: seconds to wait before anything happens.
        drop: cut the connection `before` the action or `after` it was done.
        garbage: do the action, then answer something that is no JSON.
        parameter: only requests with this query parameter.
        times, until: how often, and until when; None for ever.
        every: only each nth matching request.
    """

    endpoint: str = "*"
    account: str | None = None
    client: str | None = None
    status: int | None = None
    error: str | None = None
    latency: float = 0.0
    drop: str | None = None
    garbage: bool = False
    parameter: str | None = None
    times: int | None = None
    until: datetime | None = None
    every: int = 1
    id: int = 0
    seen: int = 0
    hits: int = 0

    def check(self) -> None:
        """Check that the rule makes sense.

        Raises:
            ValueError: if it does not.
        """
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be between 400 and 599")
        if self.drop is not None and self.drop not in DROPS:
            raise ValueError("drop must be 'before' or 'after'")
        if not 0 <= self.latency <= 600:
            raise ValueError("latency must be between 0 and 600 seconds")
        if self.every < 1 or (self.times is not None and self.times < 1):
            raise ValueError("every and times must be at least 1")
        if not (self.status or self.error or self.latency or self.drop or self.garbage):
            raise ValueError("say what to do: status, error, latency, drop or garbage")

    def applies(self, request: RequestFacts, now: datetime) -> bool:
        """Return whether the rule matches this request and its turn has come; counts the matches."""
        if self.until is not None and now >= self.until:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.account is not None and request.email != self.account:
            return False
        if self.client is not None and request.credentials.get("client") != self.client:
            return False
        if not fnmatchcase(request.endpoint, self.endpoint):
            return False
        if self.parameter is not None and self.parameter not in request.query:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.hits += 1
        return True

    def error_response(self, endpoint: str) -> Response | None:
        """Return the error that replaces the endpoint's own response, None if the rule names no error."""
        if self.status is None and self.error is None:
            return None
        if endpoint.startswith("oauth."):
            error = self.error or ("temporarily_unavailable" if self.status == 503 else "server_error")
            status, text = OAUTH_ERRORS.get(error, (self.status or 400, "Bad Request"))
            subtype = "invalid_rapt" if self.error == "invalid_rapt" else None
            if subtype:
                error, status, text = "invalid_grant", 400, "reauth related error (invalid_rapt)"
            return OAuthError(self.status or status, error, text, subtype).response()
        status = self.status or 403
        known = API_ERRORS.get((status, self.error)) or API_ERRORS.get((status, None))
        domain, reason, text = known or ("global", "backendError", "Backend Error")
        return ApiError(status, self.error or reason, text, domain=domain).response()


@dataclass(slots=True)
class Faults:
    """The rules in force; the first that matches wins, those of magic accounts come last."""

    rules: list[Fault] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _magic: dict[str, list[Fault]] = field(default_factory=dict)

    def add(self, fault: Fault) -> int:
        """Add a rule and return its id.

        Raises:
            ValueError: if the rule makes no sense.
        """
        fault.check()
        fault.id = next(self._ids)
        self.rules.append(fault)
        return fault.id

    def remove(self, fault_id: int | None = None) -> None:
        """Remove one rule, or all."""
        self.rules = [rule for rule in self.rules if fault_id is not None and rule.id != fault_id]

    def find(self, request: RequestFacts, now: datetime) -> Fault | None:
        """Return the rule that applies to a request."""
        for rule in self.rules:
            if rule.applies(request, now):
                return rule
        account = request.account
        if account is not None and account.magic in MAGIC:
            for rule in self._magic.setdefault(account.email, MAGIC[account.magic]()):
                if rule.applies(request, now):
                    return rule
        return None


def _on_refresh(error: str) -> list[Fault]:
    return [Fault(endpoint="oauth.token.refresh", error=error)]


MAGIC = {
    "revoked": lambda: [
        *_on_refresh("invalid_grant"),
        Fault(endpoint="calendar.*", status=401),
        Fault(endpoint="drive.*", status=401),
        Fault(endpoint="people.*", status=401),
    ],
    "rapt": lambda: _on_refresh("invalid_rapt"),
    "admin": lambda: _on_refresh("admin_policy_enforced"),
    "slow": lambda: [Fault(latency=3.0)],
    "quota": lambda: [
        Fault(endpoint="calendar.*", status=403),
        Fault(endpoint="drive.*", status=403),
        Fault(endpoint="people.*", status=403),
    ],
    "gone": lambda: [Fault(endpoint="calendar.*", status=410, parameter="syncToken")],
    "flaky": lambda: [Fault(endpoint="[cdop]*", status=503, every=2)],
    "dropped": lambda: [Fault(endpoint="[cdop]*", drop="before", every=2)],
    "garbled": lambda: [Fault(endpoint="[cdop]*", garbage=True, every=2)],
}
