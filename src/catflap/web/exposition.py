"""The operator's numbers in Prometheus' text format; a module of its own, because it needs `metrics`."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from catflap.store.counters import CounterName
from catflap.work.numbers import Lateness, Numbers
from catflap.work.status import Status

_M = TypeVar("_M", CounterMetricFamily, GaugeMetricFamily)
_COUNTERS: dict[CounterName, str] = {
    "token_refreshes": "Refreshes of access tokens by how they ended.",
    "calendar_syncs": "Syncs of calendars by how they ended.",
    "announcements": "Announcements by how they ended.",
    "renders": "Sounds made by speech engines, by how that ended.",
    "webhook_deliveries": "Attempts to deliver a message to a webhook, by how they ended.",
}


def expose(numbers: Numbers) -> tuple[bytes, str]:
    """Return the text and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(numbers))
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Collected(Collector):
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """Yield each metric with its values."""
        numbers = self._numbers
        for name, help_text in _COUNTERS.items():
            found = [([outcome], n) for outcome, n in sorted(numbers.totals[name].items())]
            yield _filled(CounterMetricFamily(f"catflap_{name}", help_text, labels=["outcome"]), found)
        yield _lateness(numbers.lateness)
        grants = GaugeMetricFamily("catflap_grants", "Grants by state.", labels=["state"])
        yield _filled(grants, [([state], n) for state, n in sorted(numbers.grants.items())])
        yield from _sync(numbers.status)
        yield from _jobs(numbers.status)
        yield from _keys(numbers)
        yield from _webhooks(numbers)


def _sync(status: Status) -> Iterator[Metric]:
    yield _gauge("catflap_calendar_accounts", "Accounts whose calendars are read.", status.accounts)
    yield _gauge("catflap_calendars", "Calendars that are selected.", status.calendars)
    yield _gauge("catflap_calendars_read", "Selected calendars that were read once.", status.calendars_read)
    yield _gauge("catflap_calendar_accounts_due", "Accounts that wait to be read.", status.due)
    yield _gauge(
        "catflap_calendar_due_oldest_seconds",
        "For how long the first of them has waited.",
        status.oldest_due_seconds or 0,
    )
    ages = GaugeMetricFamily(
        "catflap_calendar_age_seconds", "Since when calendars were read.", labels=["quantile"]
    )
    if status.ages is not None:
        found = (("0.5", status.ages.half), ("0.95", status.ages.most), ("1", status.ages.oldest))
        _filled(ages, [([quantile], seconds) for quantile, seconds in found])
    yield ages
    push, requests = status.push, status.requests
    channels = GaugeMetricFamily("catflap_push_channels", "Calendars by push channel.", labels=["state"])
    states = (("live", push.live), ("missing", push.missing), ("refused", push.refused))
    yield _filled(channels, [([state], n) for state, n in states])
    yield _gauge("catflap_google_requests_per_minute", "Requests in the last minute.", requests.used)
    yield _gauge("catflap_google_requests_per_minute_limit", "Their limit.", requests.limit)
    accounts = GaugeMetricFamily("catflap_accounts_failing", "Accounts with a problem.", labels=["code"])
    yield _filled(accounts, [([one.code], one.accounts) for one in status.problems])
    calendars = GaugeMetricFamily("catflap_calendars_failing", "Calendars with a problem.", labels=["code"])
    yield _filled(calendars, [([one.code], one.calendars) for one in status.problems])


def _jobs(status: Status) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("catflap_jobs", "Background jobs.", labels=["kind", "state"])
    oldest = GaugeMetricFamily(
        "catflap_jobs_oldest_seconds", "For how long the first waiting job could have run.", labels=["kind"]
    )
    for one in status.jobs:
        states = (("waiting", one.waiting), ("later", one.later), ("running", one.running))
        _filled(jobs, [([one.kind, state], n) for state, n in states])
        oldest.add_metric([one.kind], one.oldest_seconds or 0)
    yield jobs
    yield oldest


def _keys(numbers: Numbers) -> Iterator[Metric]:
    used = GaugeMetricFamily(
        "catflap_api_key_last_used_timestamp_seconds", "When a live API key was used.", labels=["key"]
    )
    expires = GaugeMetricFamily(
        "catflap_api_key_expires_timestamp_seconds", "When a live API key expires.", labels=["key"]
    )
    live = [key for key in numbers.keys if key.state_at(numbers.at) == "live"]
    yield _filled(used, [([str(key.id)], _timestamp(key.last_used_at)) for key in live])
    yield _filled(expires, [([str(key.id)], _timestamp(key.expires_at)) for key in live if key.expires_at])


def _webhooks(numbers: Numbers) -> Iterator[Metric]:
    pending = GaugeMetricFamily("catflap_webhook_pending", "Messages that wait.", labels=["webhook"])
    failing = GaugeMetricFamily(
        "catflap_webhook_failing", "Messages that wait after a failed attempt.", labels=["webhook"]
    )
    delivered = GaugeMetricFamily(
        "catflap_webhook_delivered_timestamp_seconds", "When it last took a message.", labels=["webhook"]
    )
    for one in numbers.webhooks:
        label = [str(one.id)]
        pending.add_metric(label, one.pending)
        failing.add_metric(label, one.failing)
        delivered.add_metric(label, _timestamp(one.delivered_at))
    yield from (pending, failing, delivered)


def _lateness(lateness: Lateness) -> Metric:
    metric = HistogramMetricFamily(
        "catflap_announcement_lateness_seconds", "How late announcements were played."
    )
    bounds = ["+Inf" if bound is None else str(bound) for bound, _ in lateness.ranges]
    up_to = accumulate(number for _, number in lateness.ranges)
    metric.add_metric([], list(zip(bounds, up_to, strict=True)), lateness.seconds)
    return metric


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _filled(metric: _M, found: Iterable[tuple[list[str], float]]) -> _M:
    for labels, value in found:
        metric.add_metric(labels, value)
    return metric


def _timestamp(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()
