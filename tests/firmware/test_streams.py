"""How firmware/mia.py reads chunked answers, Server-Sent Events and MQTT lengths, however they are cut."""

import asyncio
from pathlib import Path
from typing import Any

import pytest


class Collected:
    """Takes the place of the document."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self._written = b""

    def write(self, piece: bytes) -> None:
        self._written += piece

    def finish(self) -> None:
        self.whole.append(self._written)
        self._written = b""


STREAM = (
    b": keep-alive\n\n"
    b"event: schedule\nid: 4\ndata: {\"a\": \"data: \xe3\x81\x8a\"}\n\n"
    b"event: other\ndata: {}\n\n"
    b"event: schedule\r\nid: 5\r\ndata:second\r\n\r\n"
    b"event: " + b"x" * 3000 + b"\ndata: y\n\n"
    b"event: end\ndata: {}\n\n"
)  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_events_are_read_however_they_are_cut(mia: Any, size: int) -> None:
    collected = Collected()
    events = mia.EventStream(collected)
    ended = [events.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size)]
    assert collected.whole == ['{"a": "data: お"}'.encode(), b"second"]
    assert (sum(ended), ended[-1]) == (1, True)


class Writer:
    """A connection to which nothing is written."""


def link_of(mia: Any, *pieces: bytes) -> Any:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    return mia.Link(reader, Writer())


async def body_of(mia: Any, link: Any, headers: dict[str, str]) -> bytes:
    answer = mia.Answer(link, 200, headers)
    body = b""
    while piece := await answer.read():
        body += piece
    assert answer.finished
    return body


async def test_a_chunked_answer_ends_with_its_last_chunk(mia: Any) -> None:
    chunks = (
        b"5\r\nhello\r\n" + b"800;x=y\r\n" + b"a" * 2048 + b"\r\n0\r\nTrailer: x\r\n\r\nHTTP/1.1 200 OK\r\n"
    )
    link = link_of(mia, *(chunks[at : at + 100] for at in range(0, len(chunks), 100)))
    assert await body_of(mia, link, {"transfer-encoding": "chunked"}) == b"hello" + b"a" * 2048
    assert await link.line() == b"HTTP/1.1 200 OK"


async def test_an_answer_with_a_length_ends_there(mia: Any) -> None:
    link = link_of(mia, b"hello", b"world")
    assert await body_of(mia, link, {"content-length": "7"}) == b"hellowo"


@pytest.mark.parametrize("chunks", [b"5\r\nhel", b"zz\r\n", b"5\r\nhello\r\n", b"x" * 9000], ids=len)
async def test_a_torn_answer_is_an_error_of_the_network(mia: Any, chunks: bytes) -> None:
    with pytest.raises((EOFError, OSError)):
        await body_of(mia, link_of(mia, chunks), {"transfer-encoding": "chunked"})


def test_a_document_that_is_too_large_changes_nothing(mia: Any) -> None:
    adopted: list[object] = []
    document = mia.Document(lambda *found: adopted.append(found), lambda size: None)
    whole = b'{"volume": 1, "announcements": []}'
    document.write(whole)
    document.finish()
    assert (len(adopted), Path("schedule.json").read_bytes()) == (1, whole)
    document.write(b'{"volume": 2, "announcements": [], "more": "')
    for _ in range(mia.MAX_DOCUMENT // 1024 + 1):
        document.write(b"x" * 1024)
    document.write(b'"}')
    document.finish()
    document.write(b'{"volume": 3, "announ')
    document.abandon()
    document.write(whole[:-1])
    document.finish()
    assert (len(adopted), Path("schedule.json").read_bytes()) == (1, whole)
    assert not Path("schedule.new").exists()
