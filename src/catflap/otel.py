"""Export spans with OpenTelemetry's SDK; a module of its own, because it needs the extra `otel`.

The SDK's own variables count too: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
`OTEL_EXPORTER_OTLP_HEADERS` and those of its batches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from catflap.errors import CatflapError
from catflap.tracing import Attributes, Kind

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER}
_TIMEOUT_SECONDS = 5.0
_PARENTS = TraceContextTextMapPropagator()


class OtelTracer:
    """Makes spans, and exports them in batches from a thread of the SDK.

    Args:
        endpoint: the base address of a collector that takes OTLP over HTTP.
    """

    def __init__(self, endpoint: str) -> None:
        resource = Resource.create({"service.version": version("catflap")})
        if str(resource.attributes.get("service.name")).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "catflap"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_TIMEOUT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("catflap")

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, traceparent: str | None
    ) -> Iterator["OtelSpan"]:
        """Open a span, the current one while the context is open."""
        parent = _PARENTS.extract({"traceparent": traceparent}) if traceparent else None
        with self._tracer.start_as_current_span(
            name,
            parent,
            _KINDS[kind],
            attributes,
            # Texts of exceptions may quote anything.
            record_exception=False,
            set_status_on_exception=False,
            end_on_exit=False,
        ) as opened:
            span = OtelSpan(opened)
            try:
                yield span
            except Exception as error:
                span.fail(error.code if isinstance(error, CatflapError) else type(error).__name__)
                raise
            finally:
                span.end()

    def close(self) -> None:
        """Export what is left (blocking)."""
        self._provider.shutdown()


class OtelSpan:
    """An open span of the SDK."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        """The id of its trace."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def rename(self, name: str, attributes: Attributes) -> None:
        """Give it a better name, and attributes."""
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))

    def set_status(self, status: int) -> None:
        """Set the status of the HTTP answer; that of a server's error is a failure."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self.fail(str(status))

    def fail(self, reason: str) -> None:
        """Mark it as failed."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """End it; again, nothing."""
        if self._span.is_recording():
            self._span.end()
