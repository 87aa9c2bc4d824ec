"""What answers the firmware may be something else than its server, and broken on purpose."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.canned_answers import answer, answering

ACK = ("a", 0, "played", 1_764_000_000_000, None)
STRANGERS = [
    answer(200, b"<html>Log in to the network</html>"),
    answer(302, b"", "Location: http://login.example/"),
    answer(401, b"<html>proxy</html>"),
    answer(404, b"<html>nginx</html>"),
]


def device(mia: Any, server: str) -> Any:
    made = mia.Mia({"server": server}, mia.Clock())
    made.state["token"] = "secret"
    return made


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_report_that_something_else_took_is_sent_again(mia: Any, stranger: bytes) -> None:
    async with answering(stranger) as served:
        made = device(mia, served.url)
        made.journal.unsent.append(ACK)
        with pytest.raises(OSError):
            await made._send_acks()
        await made.http.close()
        assert made.journal.unsent == [ACK]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_what_something_else_answers_unpairs_nothing(mia: Any, stranger: bytes) -> None:
    async with answering(stranger) as served:
        made = device(mia, served.url)
        made.clock.sleep = _no_time
        await made._forget_if_refused()
        assert made.state["token"] == "secret"
        made.state["pairing"] = pairing = {"token": "next", "handle": "h", "interval": 5}
        made._reset = True
        with pytest.raises(OSError):
            await made._await_claim(pairing)
        await made.http.close()
        assert made.state["pairing"] == pairing


async def test_the_server_itself_unpairs_and_ends_a_pairing(mia: Any) -> None:
    async with answering(answer(401, {"code": "unauthenticated", "detail": "Pair it."})) as served:
        made = device(mia, served.url)
        with pytest.raises(mia.Refused):
            await made._ask("POST", "/v1/device/heartbeat")
        await made.http.close()
    async with answering(answer(400, {"code": "expired", "detail": "It is over."})) as served:
        made = device(mia, served.url)
        made.state["pairing"] = pairing = {"token": "next", "handle": "h", "interval": 5}
        await made._await_claim(pairing)
        await made.http.close()
        assert "pairing" not in made.state


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \xff\r\n\r\n",
        b"HTTP/1.1 \xff OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"",
    ],
)
async def test_a_broken_head_is_an_error_of_the_network(mia: Any, head: bytes) -> None:
    async with answering(head) as served:
        http = mia.Http()
        with pytest.raises((OSError, EOFError)):
            await http.ask("GET", served.url + "/")
        await http.close()


@pytest.mark.parametrize("body", [b"-5\r\nhello\r\n", b"0\r\n" + b"Trailer: x\r\n" * 1000])
async def test_broken_chunks_are_an_error_of_the_network(mia: Any, body: bytes) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body) as served:
        http = mia.Http()
        found = await http.ask("GET", served.url + "/")
        with pytest.raises(OSError):
            await found.read()
        await http.close()


async def test_headers_that_are_not_needed_may_be_anything(mia: Any) -> None:
    async with answering(answer(200, {"a": 1}, "X: \u00e4", "ETag: y")) as served:
        http = mia.Http()
        assert await (await http.ask("GET", served.url + "/")).json() == {"a": 1}
        await http.close()


@pytest.mark.parametrize(
    "text",
    [
        '{"volume": Infinity, "muted_until": null, "announcements": []}',
        '{"announcements": [{"id": ' + "[" * 100_000 + "]" * 100_000 + "}]}",
        "[" * 100_000,
    ],
)
def test_a_document_that_is_nested_too_deep_or_infinite_changes_nothing(mia: Any, text: str) -> None:
    made = device(mia, "http://127.0.0.1:9")
    made.document.write(text.encode())
    made.document.finish()
    assert made.items == []
    assert not Path("schedule.json").exists()


def test_an_event_whose_name_is_no_text_is_passed_over(mia: Any) -> None:
    made = device(mia, "http://127.0.0.1:9")
    events = mia.EventStream(made.document)
    schedule = json.dumps({"volume": 7, "muted_until": None, "announcements": []}).encode()
    assert not events.feed(b"event: \xff\ndata: x\n\nevent: schedule\ndata: " + schedule + b"\n\n")
    assert made.volume == 7


def test_a_network_whose_name_is_no_text_hides_no_others(mia: Any) -> None:
    assert mia.readable_names([(b"\xff\xfe",), (b"Home",), (b"",)]) == {"Home"}


async def _no_time(ms: int) -> None:
    pass
