"""Map errors of the Calendar API to Catflap's errors, by the reason that Google gives.

A 403 alone is ambiguous: Google sends it for quotas, for a disabled API, for a missing scope and for a
calendar that is no longer shared (Calendar API, "Handle API errors"; google.rpc.ErrorInfo for the newer
names). `ERROR_RULES` is the whole policy. It keeps the stored copy when in doubt: a reason that isn't in the
table, or no reason, never means that a calendar is gone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, UserMustAct
from catflap.google.fetch import FetchedResponse

_NAME = re.compile("[A-Za-z0-9_.]{1,60}")


class AccessRefused(TryAgain):
    """Google refused the access token (401); a new one may be accepted."""

    def __init__(self) -> None:
        super().__init__("access_token_refused", "Google refused the access token.")


class SyncTokenExpired(TryAgain):
    """The sync or page token has expired (410, or 400 for one Google can't read): sync in full."""

    def __init__(self) -> None:
        super().__init__("sync_token_expired", "The calendar must be read again in full.")


class CalendarGone(BadRequest):
    """The calendar does not exist, or is not shared with this account any more."""


@dataclass(frozen=True)
class ErrorRule:
    """Maps reasons of Google's to an error.

    Args:
        kind: The class of the error.
        code: Its code, for programs.
        message: What to do, for people.
        reasons: Google's names: `errors[].reason`, `details[].reason`, `status`.
        statuses: The HTTP statuses to which the rule applies; empty for any 4xx.
        pause: The first pause before a retry; doubled while the error persists.
    """

    kind: type[CatflapError]
    code: str
    message: str
    reasons: frozenset[str]
    statuses: frozenset[int] = frozenset()
    pause: timedelta | None = None

    def error(self, hint: str, after: timedelta | None) -> CatflapError:
        """Return the error to raise; `after` is the value of `Retry-After`, if any."""
        if issubclass(self.kind, TryAgain):
            return self.kind(self.code, self.message, detail=hint, after=after or self.pause)
        return self.kind(self.code, self.message, detail=hint)


def reason_names(text: str) -> frozenset[str]:
    """Return the words of `text`, for the reasons of a rule."""
    return frozenset(text.split())


_RATE = ErrorRule(
    TryAgain,
    "google_rate_limited",
    "Google asks for a pause; the calendar is read again by itself.",
    reason_names(
        "rateLimitExceeded userRateLimitExceeded rateLimitExceededUnreg userRateLimitExceededUnreg"
        " concurrentLimitExceeded servingLimitExceeded limitExceeded RATE_LIMIT_EXCEEDED RESOURCE_EXHAUSTED"
    ),
    pause=timedelta(minutes=1),
)
_GONE = "Google no longer has this calendar; its appointments are forgotten."
_NOT_SHARED = "This calendar is no longer shared with you; its appointments are forgotten."

# In order of precedence, for responses with several reasons: rules that keep the stored copy come first.
ERROR_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        OperatorMustAct,
        "google_api_disabled",
        "Enable the Google Calendar API for the Cloud project of the OAuth client"
        " (console.cloud.google.com, APIs & Services).",
        reason_names("accessNotConfigured SERVICE_DISABLED"),
    ),
    ErrorRule(
        OperatorMustAct,
        "google_project_refused",
        "Google refuses the Cloud project of the OAuth client: check its state, billing and organisation"
        " policies in the Cloud console.",
        reason_names(
            "BILLING_DISABLED CONSUMER_SUSPENDED CONSUMER_INVALID USER_PROJECT_DENIED"
            " RESOURCE_PROJECT_INVALID SECURITY_POLICY_VIOLATED LOCATION_POLICY_VIOLATED"
            " LOCATION_TAX_POLICY_VIOLATED ORG_RESTRICTION_VIOLATION ORG_RESTRICTION_HEADER_INVALID"
            " API_KEY_INVALID API_KEY_SERVICE_BLOCKED billingNotEnabled keyInvalid keyExpired"
            " ipRefererBlocked refererBlocked sslRequired unregistered"
        ),
    ),
    ErrorRule(
        TryAgain,
        "google_quota_exceeded",
        "The Calendar API's quota is used up for now; the calendar is read again by itself.",
        reason_names(
            "quotaExceeded dailyLimitExceeded dailyLimitExceededUnreg variableTermLimitExceeded"
            " variableTermExpiredDailyExceeded RESOURCE_QUOTA_EXCEEDED"
        ),
        pause=timedelta(minutes=30),
    ),
    _RATE,
    ErrorRule(
        UserMustAct,
        "scope_missing",
        "Allow Catflap to read your calendar.",
        reason_names("insufficientPermissions insufficientScope ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    ),
    ErrorRule(
        UserMustAct,
        "google_account_refused",
        "Google denies access to this calendar; the account's administrator or account page says why.",
        reason_names(
            "domainPolicy notACalendarUser accountDisabled accountDeleted accountUnverified"
            " USER_BLOCKED_BY_ADMIN ACCOUNT_STATE_INVALID"
        ),
    ),
    ErrorRule(
        CalendarGone,
        "not_allowed",
        _NOT_SHARED,
        reason_names("forbidden requiredAccessLevel"),
        frozenset({403}),
    ),
    ErrorRule(
        CalendarGone, "not_found", _GONE, reason_names("notFound deleted NOT_FOUND"), frozenset({404, 410})
    ),
)  # fmt: skip


def refusal(
    response: FetchedResponse,
    body: Mapping[str, Any] | None,
    *,
    position_sent: bool = False,
    about_calendar: bool = True,
) -> CatflapError:
    """Return the error for a response other than 200.

    Args:
        response: The response.
        body: Its JSON object, if it had one.
        position_sent: The request carried a sync token or a page token.
        about_calendar: The request was about one calendar; only then is `CalendarGone` possible.
    """
    status, reasons = response.status, reasons_of(body)
    hint = " ".join([str(status), *sorted(reasons)])
    after = response.retry_after()
    if status == 401:
        return AccessRefused()
    if 400 <= status < 500:
        # The rest of the request is fixed, so a 400 means the sync token or the page token.
        if status in (400, 410) and position_sent and "deleted" not in reasons:
            return SyncTokenExpired()
        rule = find_rule(ERROR_RULES, status, reasons)
        if rule is not None and (about_calendar or rule.kind is not CalendarGone):
            return rule.error(hint, after)
        # Google sends reasons. A response without one is a proxy's or a captive portal's.
        if reasons and status != 408:
            return BadRequest("google_refused", "Google refused the request.", detail=hint)
    return TryAgain("google_unavailable", "Google does not answer properly.", detail=hint, after=after)


def reasons_of(body: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the reasons in an error body, of either format; `status` only when there is no reason."""
    error = (body or {}).get("error")
    if not isinstance(error, dict):
        return frozenset()
    entries = [*_list(error.get("errors")), *_list(error.get("details"))]
    named = _only_names(item.get("reason") for item in entries if isinstance(item, dict))
    return named or _only_names([error.get("status")])


def unavailable(hint: str) -> TryAgain:
    """Build the error for a malformed response; `hint` is for the log."""
    return TryAgain("google_unavailable", "Google does not answer properly.", detail=hint)


def find_rule(rules: Sequence[ErrorRule], status: int, reasons: Collection[str]) -> ErrorRule | None:
    """Return the first rule for one of `reasons`; for a 429 without such a reason, the one for rates."""
    for rule in rules:
        if not rule.reasons.isdisjoint(reasons) and (not rule.statuses or status in rule.statuses):
            return rule
    return _RATE if status == 429 else None


def _only_names(values: Any) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str) and _NAME.fullmatch(value))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
