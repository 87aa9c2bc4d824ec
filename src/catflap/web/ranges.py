"""Byte ranges (RFC 9110 section 14), for players that fetch audio in parts."""

import re

from fastapi.responses import Response

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(content: bytes, header: str | None, media_type: str, headers: dict[str, str]) -> Response:
    """Return all of `content`, or the one range of the header Range; several ranges get all of it."""
    headers = {**headers, "Accept-Ranges": "bytes"}
    asked = _ONE_RANGE.fullmatch(header.replace(" ", "")) if header else None
    if asked is None or asked.group(0) == "bytes=-":
        return Response(content, media_type=media_type, headers=headers)
    first, last = _bounds(asked[1], asked[2], len(content))
    if first > last:
        headers["Content-Range"] = f"bytes */{len(content)}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, media_type=media_type, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    end = size - 1 if not last else min(int(last), size - 1)
    return (int(first), end) if int(first) < size else (1, 0)
