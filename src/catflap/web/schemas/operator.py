"""The numbers of this installation for its operator."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict, Field

from catflap.store.counters import CounterName
from catflap.vault.api_keys import ApiKey, KeyState
from catflap.vault.health import WebhookHealth, WebhookState
from catflap.web.schemas.base import Answer, Instant
from catflap.work.numbers import Lateness, Numbers, Series
from catflap.work.status import Status

_OUTCOMES = Field(
    description="By what was counted, how often each outcome was.", examples=[{"renders": {"succeeded": 12}}]
)


class _FromValue(Answer):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AgesResource(_FromValue):
    """Since when calendars were last read, in seconds: the median, what 95 of 100 are below, the oldest."""

    half: float
    most: float
    oldest: float


class PushResource(_FromValue):
    """Selected calendars by their push channel; `expiring` are those of `live` that end within a day."""

    live: int
    expiring: int
    refused: int
    missing: int


class RequestsResource(_FromValue):
    """Requests to the Calendar API in the last minute; `refused` are those of the last ten minutes."""

    limit: int
    used: int
    polled: int
    left: int
    refused: int


class JobsResource(_FromValue):
    """Jobs of one kind: that could run now, that run later, and that are running."""

    kind: str = Field(examples=["sync_due"])
    waiting: int
    later: int
    running: int
    oldest_seconds: float | None = Field(description="For how long the oldest of `waiting` could have run.")


class ProblemResource(_FromValue):
    """Accounts and calendars that can't be read for the same reason."""

    code: str
    accounts: int
    calendars: int
    latest: Instant


class SyncResource(Answer):
    """How far behind calendars are.

    `due` accounts wait to be read, and the oldest does for `oldest_due_seconds`.
    """

    accounts: int
    calendars: int
    calendars_read: int
    due: int
    oldest_due_seconds: float | None
    ages: AgesResource | None
    push: PushResource
    requests: RequestsResource
    problems: list[ProblemResource]

    @classmethod
    def of(cls, status: Status) -> Self:
        """Build it from the state of background work."""
        return cls(
            accounts=status.accounts,
            calendars=status.calendars,
            calendars_read=status.calendars_read,
            due=status.due,
            oldest_due_seconds=status.oldest_due_seconds,
            ages=None if status.ages is None else AgesResource.model_validate(status.ages),
            push=PushResource.model_validate(status.push),
            requests=RequestsResource.model_validate(status.requests),
            problems=[ProblemResource.model_validate(one) for one in status.problems],
        )


class LatenessRange(Answer):
    """How many announcements were played up to so late, and later than the range before."""

    up_to_seconds: float | None = Field(description="null for the last range, which has no end.")
    announcements: int


class LatenessResource(Answer):
    """How late announcements were played, and the sum of it."""

    ranges: list[LatenessRange]
    seconds: float

    @classmethod
    def of(cls, lateness: Lateness) -> Self:
        """Build it from a histogram."""
        ranges = [LatenessRange(up_to_seconds=bound, announcements=n) for bound, n in lateness.ranges]
        return cls(ranges=ranges, seconds=lateness.seconds)


class OperatorKey(Answer):
    """An API key: whose it is, what it may do, and when it was used."""

    id: int
    name: str
    rights: list[str]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    state: KeyState

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> Self:
        """Build it from a stored key."""
        return cls(
            id=key.id,
            name=key.name,
            rights=sorted(key.rights),
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            state=key.state_at(now),
        )


class WebhookResource(_FromValue):
    """A webhook and its messages; of its address only the host."""

    id: int
    host: str
    events: list[str]
    created_at: Instant
    pending: int
    failing: int
    attempts: int = Field(description="How often the most tried of the pending messages was sent.")
    oldest_at: Instant | None
    delivered_at: Instant | None
    given_up_at: Instant | None
    last_failure: str | None = Field(examples=["HTTP 500"])
    state: WebhookState = Field(
        description="`delivers`; `retries` while a message waits for another attempt; `gone` when it "
        "answered 410; `gave_up` after the last attempt; `new` before the first message."
    )

    @classmethod
    def of(cls, health: WebhookHealth) -> Self:
        """Build it from what is stored."""
        return cls.model_validate(health)


class OverTime(Answer):
    """What happened in the last hours, in steps of the same length without gaps."""

    hours: int
    step_seconds: int
    times: list[Instant]
    counts: dict[CounterName, list[dict[str, int]]] = Field(
        description="By what was counted, for each step how often each outcome was."
    )
    lateness: LatenessResource

    @classmethod
    def of(cls, hours: int, series: Series) -> Self:
        """Build it from what was counted."""
        return cls(
            hours=hours,
            step_seconds=int(series.step.total_seconds()),
            times=series.times,
            counts=series.counts,
            lateness=LatenessResource.of(series.lateness),
        )


class OperatorNumbersResource(Answer):
    """How this installation is: now, in all since its first start, and over the last hours."""

    at: Instant
    grants: dict[str, int] = Field(description="By state.", examples=[{"active": 3, "reconsent": 1}])
    sync: SyncResource
    jobs: list[JobsResource]
    keys: list[OperatorKey]
    webhooks: list[WebhookResource]
    totals: dict[CounterName, dict[str, int]] = _OUTCOMES
    lateness: LatenessResource
    over_time: OverTime

    @classmethod
    def of(cls, numbers: Numbers, hours: int, series: Series) -> Self:
        """Build it from the numbers of now and of the last hours."""
        return cls(
            at=numbers.at,
            grants=numbers.grants,
            sync=SyncResource.of(numbers.status),
            jobs=[JobsResource.model_validate(one) for one in numbers.status.jobs],
            keys=[OperatorKey.of(key, numbers.at) for key in numbers.keys],
            webhooks=[WebhookResource.of(one) for one in numbers.webhooks],
            totals=numbers.totals,
            lateness=LatenessResource.of(numbers.lateness),
            over_time=OverTime.of(hours, series),
        )
