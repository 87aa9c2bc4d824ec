"""The operator's numbers of the fake API: nothing yet, or a busy day."""

from datetime import datetime, timedelta

from fastapi import FastAPI, Response

from catflap.announcements.lateness import LATENESS_BOUNDS
from catflap.errors import BadRequest
from catflap.vault.api_keys import ApiKey
from catflap.vault.health import WebhookHealth
from catflap.web.problems import problem_of
from catflap.web.schemas.base import json_response
from catflap.web.schemas.operator import OperatorNumbersResource
from catflap.work.numbers import OUTCOMES, Lateness, Numbers, Series
from catflap.work.status import Ages, Jobs, Problem, Push, Requests, Status
from tests.support.fake_state import FakeApi

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def add_operator(app: FastAPI, catflap: FakeApi) -> None:
    """Add the route of the numbers."""

    @app.get("/v1/operator/numbers")
    async def numbers(hours: int = 24) -> Response:
        await catflap.noticed()
        if catflap.viewer is None or not catflap.viewer.is_operator:
            return problem_of(BadRequest("operators_only", "For operators."))
        now = catflap.now()
        busy = catflap.is_busy
        found = busy_numbers(now) if busy else quiet_numbers(now)
        series = busy_series(now, hours) if busy else quiet_series(now, hours)
        return json_response(OperatorNumbersResource.of(found, hours, series))


def quiet_numbers(now: datetime) -> Numbers:
    """Those of a Catflap that nobody uses."""
    status = Status(0, 0, 0, 0, 0, None, None, Push(0, 0, 0, 0), Requests(10_000, 0, 0, 10_000, 0), [], [])
    grants = {"active": 0, "reconsent": 0, "revoked": 0}
    return Numbers(now, grants, status, [], [], {name: {} for name in OUTCOMES}, _lateness(0))


def quiet_series(now: datetime, hours: int) -> Series:
    """Nothing happened."""
    step = timedelta(minutes={1: 5, 24: 15, 168: 120}[hours])
    times = [now - hours * _HOUR + step * number for number in range(hours * _HOUR // step)]
    return Series(times, step, {name: [{} for _ in times] for name in OUTCOMES}, _lateness(0))


def busy_numbers(now: datetime) -> Numbers:
    """Those of a Catflap with many users and some trouble."""
    status = Status(
        4,
        1180,
        2304,
        2291,
        3,
        42.0,
        Ages(131.0, 288.0, 5400.0),
        Push(2100, 12, 9, 195),
        Requests(10_000, 1234, 210, 8766, 3),
        [Jobs("plan", 0, 0, 1, None), Jobs("render", 14, 0, 2, 3.4), Jobs("sync_due", 2, 180, 4, 0.4)],
        [Problem("google_quota_exceeded", 0, 3, now), Problem("reconsent_required", 11, 0, now)],
    )
    none = frozenset[str]()
    keys = [
        ApiKey(
            1, "shop", none | {"tokens", "users"}, None, None, 60, now - 90 * _DAY, None, now - _HOUR, None
        ),
        ApiKey(2, "prometheus", none | {"metrics"}, None, None, 60, now - _DAY, now + 30 * _DAY, None, None),
        ApiKey(
            3, "old shop", none | {"tokens"}, None, None, 60, now - 400 * _DAY, None, now - 200 * _DAY, now
        ),
    ]
    hooks = [
        _hook(1, "hooks.example.com", now, "delivers", delivered_at=now - timedelta(minutes=4)),
        _hook(2, "a-very-long-name-of-a-host.internal.example.com", now, "retries", 17, 3, "HTTP 503"),
        _hook(3, "gone.example.com", now, "gone", failure="gone"),
        _hook(4, "slow.example.com", now, "gave_up", failure="ReadTimeout"),
        _hook(5, "new.example.com", now, "new"),
    ]
    grants = {"active": 1169, "reconsent": 11, "revoked": 64}
    totals = {name: {"succeeded": 5000} for name in OUTCOMES}
    return Numbers(now, grants, status, keys, hooks, totals, _lateness(900))


def busy_series(now: datetime, hours: int) -> Series:
    """A day with its ups and downs."""
    quiet = quiet_series(now, hours)
    counts = {name: [_step(name, at) for at in range(len(quiet.times))] for name in OUTCOMES}
    return Series(quiet.times, quiet.step, counts, _lateness(900))


def _step(name: str, at: int) -> dict[str, int]:
    good = {"announcements": "played", "webhook_deliveries": "delivered"}.get(name, "succeeded")
    bad = {
        "token_refreshes": {"unavailable": at % 7 // 5, "invalid_grant": at % 23 // 22},
        "calendar_syncs": {"google_quota_exceeded": at % 11 // 8},
        "announcements": {"missed": at % 5 // 4 * 6, "held": at % 9 // 6},
        "webhook_deliveries": {"http_error": at % 13 // 11},
    }.get(name, {})
    times = 30 + 25 * (at % 12) - (at % 12) ** 2
    return {good: times, **{outcome: 9 * n for outcome, n in bad.items() if n}}


def _lateness(most: int) -> Lateness:
    ranges = tuple((bound, most >> (2 * number)) for number, bound in enumerate(LATENESS_BOUNDS))
    return Lateness((*ranges, (None, most // 300)), most / 10)


def _hook(
    number: int,
    host: str,
    now: datetime,
    state: str,
    pending: int = 0,
    attempts: int = 0,
    failure: str | None = None,
    delivered_at: datetime | None = None,
) -> WebhookHealth:
    return WebhookHealth(
        id=number,
        host=host,
        events=["grant.active"],
        created_at=now - 30 * _DAY,
        pending=pending,
        failing=pending,
        attempts=attempts,
        oldest_at=now - _HOUR if pending else None,
        delivered_at=delivered_at,
        given_up_at=None,
        last_failure=failure,
        state=state,  # type: ignore[arg-type]
    )
