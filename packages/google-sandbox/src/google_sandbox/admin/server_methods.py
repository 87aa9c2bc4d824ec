"""Admin methods about the clock, faults and the request log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from google_sandbox.admin.base import AdminMethods
from google_sandbox.admin.operations import admin_route
from google_sandbox.faults import Fault


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Requests that were found, and how many there were to each endpoint since the log was cleared."""

    count: int
    requests: list[dict[str, Any]]
    counts: dict[str, int]


class ServerMethods(AdminMethods):
    """The clock, faults and the request log."""

    @admin_route("GET", "clock", result="now")
    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self.state.now()

    @admin_route("POST", "clock", result="now")
    def advance_clock(self, seconds: float = 0.0, to: datetime | None = None) -> datetime:
        """Move the sandbox's clock by `seconds`, or `to` an instant, and return the new time.

        Raises:
            ValueError: if the instant has no offset or the result is out of range.
        """
        if to is not None and to.tzinfo is None:
            raise ValueError("to must have an offset")
        try:
            offset = self.state.offset + timedelta(seconds=seconds)
            if to is not None:
                offset += to - self.state.now()
            moved = self.state.now() - self.state.offset + offset
        except OverflowError:
            raise ValueError("the time is out of range") from None
        if not 1971 <= moved.year <= 2200:
            raise ValueError("the time must be between 1971 and 2200")
        self.state.offset = offset
        return moved

    @admin_route("GET", "faults", result="faults")
    def faults(self) -> list[Fault]:
        """Return the fault rules in force."""
        return list(self.state.faults.rules)

    @admin_route("POST", "faults", result="id")
    def fault(
        self,
        endpoint: str = "*",
        *,
        account: str | None = None,
        client: str | None = None,
        status: int | None = None,
        error: str | None = None,
        latency: float = 0.0,
        drop: Literal["before", "after"] | None = None,
        garbage: bool = False,
        parameter: str | None = None,
        times: int | None = None,
        seconds: float | None = None,
        every: int = 1,
    ) -> int:
        """Inject a fault and return the rule's id, for `lift`.

        Args:
            endpoint: a name or pattern: `oauth.token.refresh`, `oauth.token*`, `calendar.events.list`.
            account: only requests of the account with this address.
            client: only requests of the client with this id.
            status: the status answered instead of the action.
            error: the error answered instead of the action, as Google spells it.
            latency: seconds to wait first.
            drop: cut the connection `before` the action or `after` it was done.
            garbage: answer something that is not JSON, after the action.
            parameter: only requests with this query parameter, such as `syncToken`.
            times: for so many requests.
            seconds: for so long.
            every: only each nth request.

        Raises:
            ValueError: if the rule makes no sense.
        """
        rule = Fault(
            endpoint=endpoint,
            account=account,
            client=client,
            status=status,
            error=error,
            latency=latency,
            drop=drop,
            garbage=garbage,
            parameter=parameter,
            times=times,
            every=every,
        )
        if seconds is not None:
            if not 0 < seconds <= 10**7:
                raise ValueError("seconds must be positive, and at most 10000000")
            rule.until = self.state.now() + timedelta(seconds=seconds)
        return self.state.faults.add(rule)

    @admin_route("DELETE", "faults/{fault_id}")
    def lift(self, fault_id: int | None = None) -> None:
        """Remove one fault rule, or all of them."""
        self.state.faults.remove(fault_id)

    @admin_route("GET", "requests")
    def request_log(
        self,
        endpoint: str | None = None,
        account: str | None = None,
        refresh_token: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> RequestLog:
        """Return the requests that were made, oldest first, and counts by endpoint.

        Args:
            endpoint: its name, such as `oauth.token.refresh`.
            account: the address of the account concerned.
            refresh_token: the token that was sent, or its SHA-256 in hexadecimal.
            status: the status answered; 0 is a connection that was cut.
            since: only requests with a larger `number`.
        """
        found = self.state.request_log.find(endpoint, account, refresh_token, status, since)
        return RequestLog(len(found), found, dict(self.state.request_log.counts))

    def requests(
        self,
        endpoint: str | None = None,
        account: str | None = None,
        refresh_token: str | None = None,
        status: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return the `requests` of `request_log`."""
        return self.request_log(endpoint, account, refresh_token, status).requests

    @admin_route("DELETE", "requests")
    def clear_requests(self) -> None:
        """Empty the request log and set its counts to zero."""
        self.state.request_log.clear()
