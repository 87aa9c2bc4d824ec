"""What may be kept by a cache, and what never."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from catflap.web.headers import SafeHeaders


@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        ("/static/page.js", "no-cache"),
        ("/catflap/gapi.js", "no-cache"),
        ("/v1/me", "no-store"),
        ("/", "no-store"),
    ],
)
def test_only_scripts_and_styles_may_be_kept(path: str, cache_control: str) -> None:
    app = Starlette(routes=[Route(path, lambda request: PlainTextResponse("hello"))])
    with TestClient(SafeHeaders(app, https=False)) as client:
        assert client.get(path).headers["Cache-Control"] == cache_control
