"""HTTP responses are limited in size and in total time."""

import gzip
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from catflap.google.fetch import FetchedResponse, FetchError, Limit, fetch
from tests.support.canned_answers import answer, answering, dripping
from tests.support.http import http_client


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(timeout=0.25) as client:
        yield client


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"",
    ],
    ids=["body", "header", "status line"],
)
async def test_an_answer_that_drips_is_given_up_after_the_whole_time(
    http: httpx2.AsyncClient, head: bytes
) -> None:
    async with dripping(head) as url:
        with pytest.raises(FetchError):
            await fetch(http, "GET", url, limit=Limit(1_000_000, 0.3))


async def test_an_endless_answer_is_read_no_further_than_its_limit(http: httpx2.AsyncClient) -> None:
    async with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n" + b"x" * 200_000) as url:
        with pytest.raises(FetchError) as caught:
            await fetch(http, "GET", url, limit=Limit(1000, 60))
    assert caught.value.reason == "more than 1000 bytes"


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("packed", [False, True])
async def test_the_limit_counts_the_unpacked_body(http: httpx2.AsyncClient, size: int, packed: bool) -> None:
    body = b"x" * size
    given = answer(200, gzip.compress(body), "Content-Encoding: gzip") if packed else answer(200, body)
    async with answering(given) as server:
        if size <= 1000:
            assert (await fetch(http, "GET", server.url, limit=Limit(1000, 60))).body == body
            return
        with pytest.raises(FetchError):
            await fetch(http, "GET", server.url, limit=Limit(1000, 60))


@pytest.mark.parametrize(
    "given",
    [
        answer(200, b"not gzip", "Content-Encoding: gzip"),
        answer(200, gzip.compress(b"{}" * 500)[:-9], "Content-Encoding: gzip"),
        answer(200, b"{}", "Content-Encoding: br"),
        b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"",
    ],
    ids=["not gzip", "cut gzip", "br", "cut", "not http", "nothing"],
)
async def test_what_is_no_whole_answer_is_none(http: httpx2.AsyncClient, given: bytes) -> None:
    async with answering(given) as server:
        with pytest.raises(FetchError):
            await fetch(http, "GET", server.url)


async def test_a_redirect_is_an_answer_and_is_not_followed(http: httpx2.AsyncClient) -> None:
    async with answering(answer(302, b"", "Location: /elsewhere")) as server:
        assert (await fetch(http, "GET", server.url)).status == 302
    assert server.asked == ["/"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'"text"',
        b"{",
        b'{"a": "\xff"}',
        b"{}x",
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert FetchedResponse(200, httpx2.Headers(), body).json_object() is None


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("5", timedelta(seconds=5)),
        ("86400", timedelta(hours=1)),
        ("9" * 5000, None),
        ("-5", None),
        ("1e3", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_a_pause_is_a_sane_number_or_none(value: str, pause: timedelta | None) -> None:
    assert FetchedResponse(429, httpx2.Headers({"Retry-After": value}), b"").retry_after() == pause
