"""Traces go to a collector, with route templates and codes, and without anything about a person."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from catflap import log, tracing
from catflap.clock import FixedClock
from catflap.settings import Settings
from catflap.store.database import Urls
from catflap.store.queue import enqueue
from catflap.store.task_types import SYNC, AccountKey
from tests.support.app_client import ALICE, RunningApp, running_app
from tests.support.beside import environment_beside
from tests.support.http import http_client
from tests.support.otlp_receiver import attributes, otlp_receiver
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow  # starts an application for each test

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
CANARY = "Zahnarztgeheimnis"


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, calendars=True) as opened:
        yield opened


async def test_a_request_a_job_and_calls_to_google_are_traced_without_secrets(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    event = {"summary": CANARY, "start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
    app.sandbox.insert_event(ALICE, event)
    async with otlp_receiver() as collector, asyncio.timeout(60):
        async with tracing.exporting(collector.url), app.catflap.work(periodic=False):
            browser = await app.browser()
            await browser.sign_in()
            me = await browser.me()
            async with http_client(base_url=app.origin) as http:
                await http.get(f"/v1/nothing/{CANARY}", headers=TRACEPARENT)
                await http.get(f"/v1/me?code={CANARY}", headers=TRACEPARENT)
            account = AccountKey(me["user_id"], me["accounts"][0]["sub"])
            async with app.catflap.services.engine.begin() as connection:
                await enqueue(connection, SYNC, account)
            job = await collector.until("job sync")
        spans = list(collector.spans())
        everything = b"".join(collector.bodies)
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.resource()["service.name"] == "catflap"
    by_name = {span.name: span for span in spans}
    callback = by_name["GET /signin/google/callback"]
    assert callback.kind == Span.SPAN_KIND_SERVER
    assert attributes(callback) == {
        "http.request.method": "GET",
        "http.route": "/signin/google/callback",
        "http.response.status_code": attributes(callback)["http.response.status_code"],
    }
    assert job.kind == Span.SPAN_KIND_CONSUMER
    assert attributes(job)["catflap.job"] == "sync"
    children = [span for span in spans if span.parent_span_id in (job.span_id, callback.span_id)]
    assert {span.name for span in children} == {"GET 127.0.0.1", "POST 127.0.0.1"}
    assert {span.kind for span in children} == {Span.SPAN_KIND_CLIENT}
    unknown = [span for span in spans if span.name == "GET"]
    assert [span.trace_id.hex() for span in unknown] == [TRACE], "a path that is no route of ours"
    assert [span.name for span in spans if span.trace_id.hex() == TRACE] == ["GET", "GET /v1/me"]
    sub = me["accounts"][0]["sub"]
    tokens = [token.value for token in app.sandbox.state.grants.access_tokens.values()]
    secrets = [CANARY, ALICE, sub, "ya29", "1//", "code=", "state=", "4/0A", *tokens]
    assert [secret for secret in secrets if secret.encode() in everything] == []


async def test_the_command_of_the_docs_exports_to_the_variables_address(
    app: RunningApp, installed: InstalledWheel, tmp_path: Path
) -> None:
    async with otlp_receiver() as collector, asyncio.timeout(60):
        variables = environment_beside(
            app, CATFLAP_PORT="0", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_SERVICE_NAME="mia"
        )
        serve = await asyncio.create_subprocess_exec(
            installed.catflap,
            *("serve", "--no-worker"),
            cwd=tmp_path,
            env=installed.environment(**variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert serve.stdout is not None
            origin = (await serve.stdout.readline()).decode().strip()
            async with http_client(base_url=origin) as http:
                assert (await http.get("/healthz", headers=TRACEPARENT)).status_code == 200
            serve.terminate()
            assert await serve.wait() == 0
        finally:
            if serve.returncode is None:
                serve.kill()
                await serve.wait()
    found = [span for span in collector.spans() if span.name == "GET /healthz"]
    assert [span.trace_id.hex() for span in found] == [TRACE], "sent at the latest when the process ends"
    assert collector.resource()["service.name"] == "mia"


async def test_a_failure_has_its_code_and_no_text() -> None:
    async with otlp_receiver() as collector:
        async with tracing.exporting(collector.url):
            with pytest.raises(ValueError), tracing.call_span("BREW", "example.com"):
                raise ValueError(CANARY)
            with tracing.request_span("GET", "00-nonsense") as span:
                span.set_status(503)
        failed, refused = collector.spans()
    assert failed.name == "_OTHER example.com"
    assert attributes(failed)["error.type"] == "ValueError"
    assert {failed.status.code, refused.status.code} == {Status.STATUS_CODE_ERROR}
    assert not failed.events and CANARY.encode() not in b"".join(collector.bodies)


async def test_a_collector_that_is_away_disturbs_nobody(app: RunningApp) -> None:
    async with otlp_receiver() as collector:
        collector.status = 400
        async with tracing.exporting(collector.url):
            assert (await app.client.get("/readyz")).status_code == 200
    assert len(collector.bodies) == 1


@contextmanager
def logged_as_json() -> Iterator[None]:
    """The log of `catflap serve` in this process, and afterwards that of the tests again."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("json", "info")
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)


async def test_the_log_lines_of_a_request_have_its_trace_id(
    app: RunningApp, capsys: pytest.CaptureFixture[str]
) -> None:
    with logged_as_json():
        for more in (TRACEPARENT, {}):
            headers = {**app.page_headers(), **more, "Content-Type": "application/octet-stream"}
            await app.client.post("/storeauthcode", content=b"4/0Awrong", headers=headers)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ids = [line["trace_id"] for line in lines if line["event"] == "signin_failed"]
    assert len(ids) == 2
    assert ids[0] == TRACE
    assert len(ids[1]) == 32 and ids[1] != TRACE


def test_nothing_is_imported_before_an_endpoint_is_set() -> None:
    assert Settings().otel_exporter_otlp_endpoint == ""
    code = "import sys, catflap.app, catflap.cli.serve, catflap.cli.work; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [
        name for name in loaded.split() if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
    ]
    assert "catflap.otel" not in loaded.split()
