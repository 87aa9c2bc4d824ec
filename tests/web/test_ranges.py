"""Byte ranges as players ask for them (RFC 9110 section 14)."""

import pytest

from catflap.web.ranges import ranged

CONTENT = bytes(range(10))


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        (None, 200, None, CONTENT),
        ("bytes=0-3", 206, "bytes 0-3/10", CONTENT[:4]),
        ("bytes=4-", 206, "bytes 4-9/10", CONTENT[4:]),
        ("bytes=-3", 206, "bytes 7-9/10", CONTENT[7:]),
        ("bytes=-99", 206, "bytes 0-9/10", CONTENT),
        ("bytes=5-99", 206, "bytes 5-9/10", CONTENT[5:]),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=7-3", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=0-1,4-5", 200, None, CONTENT),
        ("lines=1-2", 200, None, CONTENT),
        ("bytes=-", 200, None, CONTENT),
    ],
)
def test_ranges(header: str | None, status: int, content_range: str | None, body: bytes) -> None:
    response = ranged(CONTENT, header, "audio/wav", {})
    assert (response.status_code, response.headers.get("content-range"), response.body) == (
        status,
        content_range,
        body,
    )
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-length"] == str(len(body))
