"""The batch endpoint: several API requests in one `multipart/mixed` body.

Source: "Sending batch requests". Every part is answered and logged by itself; headers of the
outer request (the token above all) hold for parts that do not bring their own. Binary uploads cannot be
batched.
"""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError
from google_sandbox.request import Call

MOST_PARTS = 1000
NOT_INHERITED = frozenset(
    {b"content-type", b"content-length", b"transfer-encoding", b"if-match", b"if-none-match"}
)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})


def endpoints(answer: Callable[[Call], Response]) -> tuple[Endpoint, ...]:
    """Return the batch endpoints; `answer` answers one part."""

    def batch(call: Call) -> Response:
        parts = _parts(call)
        boundary = "batch_" + call.state.grants.text(24)
        written = b"".join(_written(boundary, part, _one(call, part, answer)) for part in parts)
        body = written + f"--{boundary}--\r\n".encode()
        return Response(body, 200, media_type=f"multipart/mixed; boundary={boundary}")

    paths = ("/batch/calendar/v3", "/batch/drive/v3", "/batch")
    return tuple(Endpoint("batch", "POST", path, batch) for path in paths)


def _parts(call: Call) -> list[Message]:
    content_type = call.header("content-type") or ""
    if not content_type.lower().startswith("multipart/mixed"):
        raise ApiError(400, "badRequest", "The batch request needs Content-Type multipart/mixed.")
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(head + call.body)
    parts = message.get_payload()
    if not isinstance(parts, list) or not parts:
        raise ApiError(400, "badRequest", "Failed to parse batch request, error: no parts.")
    if len(parts) > MOST_PARTS:
        raise ApiError(400, "badRequest", f"The batch request exceeds {MOST_PARTS} calls.")
    return [part for part in parts if isinstance(part, Message)]


def _one(outer: Call, part: Message, answer: Callable[[Call], Response]) -> Response:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    head, _, body = raw.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    words = lines[0].split(" ")
    if len(words) < 2 or words[0] not in METHODS:
        return ApiError(400, "badRequest", "Failed to parse batch part.").response()
    try:
        target = urlsplit(words[1])
    except ValueError:
        return ApiError(400, "badRequest", "Failed to parse batch part.").response()
    if target.path.startswith("/batch"):
        return ApiError(400, "badRequest", "Batch requests cannot be nested.").response()
    own = [_header(line) for line in lines[1:] if ":" in line]
    names = {name for name, _ in own}
    inherited = [
        (n, v) for n, v in outer.request.scope["headers"] if n not in NOT_INHERITED and n not in names
    ]
    scope = {
        **outer.request.scope,
        "method": words[0],
        "path": target.path,
        "raw_path": target.path.encode("latin-1", "replace"),
        "query_string": target.query.encode("latin-1", "replace"),
        "headers": [*own, *inherited],
    }
    return answer(Call(outer.state, Request(scope), body))


def _header(line: str) -> tuple[bytes, bytes]:
    name, _, value = line.partition(":")
    return name.strip().lower().encode("latin-1", "replace"), value.strip().encode("latin-1", "replace")


def _written(boundary: str, part: Message, response: Response) -> bytes:
    number = " ".join(str(part.get("Content-ID", "")).split()).strip("<>")
    phrase = HTTPStatus(response.status_code).phrase
    lines = [f"--{boundary}", "Content-Type: application/http"]
    if number:
        lines.append(f"Content-ID: <response-{number}>")
    lines += ["", f"HTTP/1.1 {response.status_code} {phrase}"]
    lines += [f"{name.title()}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + bytes(response.body) + b"\r\n"
