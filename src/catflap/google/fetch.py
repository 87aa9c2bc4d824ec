"""Fetch an answer over HTTP, bounded in size and in total time.

A time-out of each read does not bound an answer that arrives byte by byte, and nothing bounds the size of
one unless somebody counts. Everything small that Catflap reads from other servers is read here. Nothing is
retried, no redirect is followed, and the content type is not looked at: what a body says is checked by
whoever reads it.
"""

import asyncio
import json
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Limit:
    """How large an answer may be, decoded, and how long the whole call may take."""

    max_bytes: int
    seconds: float


# A few kilobytes each at Google.
SMALL = Limit(256 * 1024, 30.0)
# 2,500 events of the fields we ask for are about 5 MB.
PAGE = Limit(32 * 1024 * 1024, 90.0)


class FetchError(Exception):
    """No complete response: a network error, a server error or a limit. `reason` quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class FetchedResponse:
    """A whole answer, its body decoded."""

    status: int
    headers: httpx2.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is anything else."""
        try:
            found = json.loads(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def retry_after(self) -> timedelta | None:
        """What `Retry-After` asks for, an hour at most (RFC 9110, section 10.2.3).

        A date is compared with the answer's own, so that no clock is needed.
        """
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return min(timedelta(seconds=int(value)), _LONGEST_PAUSE) if len(value) < 7 else None
        try:
            pause = parsedate_to_datetime(value) - parsedate_to_datetime(self.headers.get("Date", ""))
        except (ValueError, TypeError, OverflowError):
            return None
        return max(min(pause, _LONGEST_PAUSE), timedelta(0))


async def fetch(
    http: httpx2.AsyncClient, method: str, url: str, *, limit: Limit = SMALL, **request: Any
) -> FetchedResponse:
    """Send a request and read the whole answer, whatever its status.

    Args:
        request: as for `AsyncClient.build_request`.

    Raises:
        Unanswered: no connection, no answer in time, too large an answer, or one that breaks off.
    """
    # Whoever set a client to be patient with one read is at least as patient with all of them.
    seconds = max(limit.seconds, http.timeout.read or 0.0)
    try:
        built = http.build_request(method, url, **request)
        built.headers["Accept-Encoding"] = "gzip"
        async with asyncio.timeout(seconds):
            response = await http.send(built, stream=True, follow_redirects=False)
            try:
                return FetchedResponse(
                    response.status_code, response.headers, await _read(response, limit.max_bytes)
                )
            finally:
                await response.aclose()
    except TimeoutError:
        raise FetchError(f"no whole answer within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise FetchError(type(error).__name__) from None


async def _read(response: httpx2.Response, max_bytes: int) -> bytes:
    if response.is_stream_consumed:
        # A transport of the caller's own has read and decoded it already.
        if len(response.content) > max_bytes:
            raise FetchError(f"more than {max_bytes} bytes")
        return response.content
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise FetchError("a content encoding that was not asked for")
    # Decoded here and not by httpx2, which would unpack a small chunk to any size.
    unpacking = None if encoding == "identity" else zlib.decompressobj(wbits=31)
    body = bytearray()
    async for chunk in response.aiter_raw():
        room = max_bytes - len(body) + 1
        try:
            body += chunk[:room] if unpacking is None else unpacking.decompress(chunk, room)
        except zlib.error:
            raise FetchError("a broken content encoding") from None
        if len(body) > max_bytes:
            raise FetchError(f"more than {max_bytes} bytes")
    if unpacking is not None and body and not unpacking.eof:
        raise FetchError("a body that breaks off")
    return bytes(body)
