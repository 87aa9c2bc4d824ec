"""Spans of requests, background jobs and calls to Google, for an OpenTelemetry collector.

Nothing of its SDK is imported before `exporting` is given an endpoint; until then a span is nothing. Names
and attributes are constants of ours, route templates, hosts, status codes and error codes: never a path, a
query, an id, a token or a title, and no text of an exception.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Literal, Protocol

from catflap.extras import load_optional

Kind = Literal["server", "client", "consumer"]
Attributes = Mapping[str, str | int]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Span(Protocol):
    """A span that is open."""

    @property
    def trace_id(self) -> str | None:
        """The id of its trace, 32 hexadecimal digits; None where no spans are exported."""
        ...

    def rename(self, name: str, attributes: Attributes) -> None:
        """Give it a better name, and attributes."""
        ...

    def set_status(self, status: int) -> None:
        """Set the status of the HTTP answer."""
        ...

    def fail(self, reason: str) -> None:
        """Mark it as failed; `reason` is an error code or the type of an exception."""
        ...

    def end(self) -> None:
        """End it before its context does."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, traceparent: str | None
    ) -> AbstractContextManager[Span]:
        """Return a span as a context; `traceparent` is that of the caller (W3C Trace Context)."""
        ...

    def close(self) -> None:
        """Export what is left (blocking)."""
        ...


class _NoSpan:
    """A span that is not exported, and the context of it."""

    trace_id = None

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rename(self, name: str, attributes: Attributes) -> None:
        """Do nothing."""

    def set_status(self, status: int) -> None:
        """Do nothing."""

    def fail(self, reason: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


_NO_SPAN = _NoSpan()
# One for the process, as the log.
_tracers: list[Tracer] = []


@asynccontextmanager
async def exporting(endpoint: str) -> AsyncIterator[None]:
    """Export spans to a collector while the context is open; with "" do nothing.

    Args:
        endpoint: the base address of a collector that takes OTLP over HTTP.

    Raises:
        OperatorMustAct: `extra_missing`.
    """
    if not endpoint:
        yield
        return
    tracer: Tracer = load_optional("catflap.otel", extra="otel").OtelTracer(endpoint)
    _tracers.append(tracer)
    try:
        yield
    finally:
        _tracers.remove(tracer)
        await asyncio.to_thread(tracer.close)


def request_span(method: str, traceparent: str | None) -> AbstractContextManager[Span]:
    """Return the span of a request to us; `rename` it when its route is known."""
    return _span(known_method(method), "server", {"http.request.method": known_method(method)}, traceparent)


def call_span(method: str, host: str) -> AbstractContextManager[Span]:
    """Return the span of a call to another server; of its address only the host."""
    method = known_method(method)
    return _span(f"{method} {host}", "client", {"http.request.method": method, "server.address": host})


def job_span(name: str, attempts: int) -> AbstractContextManager[Span]:
    """Return the span of a run of a background job."""
    return _span(f"job {name}", "consumer", {"catflap.job": name, "catflap.job.attempts": attempts})


def known_method(method: str) -> str:
    """Return the method; `_OTHER` for what may be anything (OpenTelemetry's semantic conventions)."""
    return method if method in _METHODS else "_OTHER"


def _span(
    name: str, kind: Kind, attributes: Attributes, traceparent: str | None = None
) -> AbstractContextManager[Span]:
    for tracer in _tracers:
        return tracer.span(name, kind, attributes, traceparent)
    return _NO_SPAN
