"""HTTP requests with a limit on the size and the total time of the response.

HTTP clients limit the time of each read, but neither the total time nor the size. All small responses of
other servers are read here. Nothing is retried, no redirect is followed, and the content type is ignored:
callers check the body.
"""

import asyncio
import json
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from catflap import tracing

_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Limit:
    """The largest decoded body, and the longest time of the whole request."""

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
    """A complete response with its decoded body."""

    status: int
    headers: httpx2.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, or None when it is anything else."""
        try:
            found = json.loads(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def retry_after(self) -> timedelta | None:
        """Return the pause of `Retry-After`, an hour at most (RFC 9110, section 10.2.3).

        A date is compared with the `Date` header, so that no clock is needed.
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
    http: httpx2.AsyncClient, method: str, url: str | httpx2.URL, *, limit: Limit = SMALL, **request: Any
) -> FetchedResponse:
    """Send a request and read the complete response, whatever its status.

    Args:
        request: as for `AsyncClient.build_request`.

    Raises:
        FetchError: no connection, no response in time, or a response that is too large or incomplete.
    """
    # A client with a longer read timeout gets at least that much time in total.
    seconds = max(limit.seconds, http.timeout.read or 0.0)
    try:
        built = http.build_request(method, url, **request)
        built.headers["Accept-Encoding"] = "gzip"
        async with asyncio.timeout(seconds):
            return await _send(http, built, limit)
    except TimeoutError:
        raise FetchError(f"no whole answer within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise FetchError(type(error).__name__) from None


async def _send(http: httpx2.AsyncClient, built: httpx2.Request, limit: Limit) -> FetchedResponse:
    with tracing.call_span(built.method, built.url.host) as span:
        response = await http.send(built, stream=True, follow_redirects=False)
        span.set_status(response.status_code)
        try:
            body = await _read(response, limit.max_bytes)
        finally:
            await response.aclose()
        return FetchedResponse(response.status_code, response.headers, body)


async def _read(response: httpx2.Response, max_bytes: int) -> bytes:
    if response.is_stream_consumed:
        # A custom transport has read and decoded it already.
        if len(response.content) > max_bytes:
            raise FetchError(f"more than {max_bytes} bytes")
        return response.content
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise FetchError("a content encoding that was not asked for")
    # Decoded here and not by httpx2, which would decompress a small chunk to any size.
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
