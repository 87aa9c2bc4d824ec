"""Errors where a person expected a page: in their language, with the same status as for programs."""

import gzip
from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx2
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from catflap.errors import TryAgain
from catflap.store.unavailable import DatabaseUnavailable
from catflap.web.i18n import texts
from catflap.web.page_route import PageRoute, http_error
from catflap.web.problem_route import new_router
from tests.support.fake_api import open_fake_api
from tests.support.fake_state import FakeApi

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def catflap() -> AsyncIterator[FakeApi]:
    async with open_fake_api(FakeApi()) as opened:
        yield opened


def failing(error: Exception) -> TestClient:
    """An application with a page that fails."""
    router = new_router(route_class=PageRoute)

    @router.get("/")
    async def page() -> None:
        raise error

    app = FastAPI()
    app.include_router(router)
    app.add_exception_handler(HTTPException, http_error)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DatabaseUnavailable("gone"), HTTPStatus.SERVICE_UNAVAILABLE, "503"),
        (TryAgain("rate_limited", "Slowly."), HTTPStatus.TOO_MANY_REQUESTS, "429"),
        (RuntimeError("a secret"), HTTPStatus.INTERNAL_SERVER_ERROR, "5xx"),
    ],
)
def test_a_browser_gets_a_page_and_a_program_a_problem(
    error: Exception, status: HTTPStatus, kind: str, language: str
) -> None:
    client = failing(error)
    page = client.get("/", headers={**BROWSER, "Accept-Language": language})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert texts(language)[f"broken_{kind}"].replace("'", "&#39;") in page.text
    assert "a secret" not in page.text
    problem = client.get("/")
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    assert page.headers.get("Retry-After") == problem.headers.get("Retry-After")


def test_a_wrong_address_is_a_page_for_browsers_alone() -> None:
    client = failing(RuntimeError())
    page = client.get("/lost", headers=BROWSER)
    assert page.status_code == HTTPStatus.NOT_FOUND
    assert texts("en")["broken_404"].replace("'", "&#39;") in page.text
    for path, headers in (("/lost", {}), ("/v1/lost", BROWSER)):
        problem = client.get(path, headers=headers)
        assert problem.status_code == HTTPStatus.NOT_FOUND
        assert problem.headers["content-type"] == "application/problem+json"
    wrong_method = client.post("/lost", headers=BROWSER)
    assert wrong_method.headers["content-type"] == "application/problem+json"


async def test_pages_and_files_are_compressed_where_that_is_understood(catflap: FakeApi) -> None:
    async with httpx2.AsyncClient() as client:
        for path in ("/", "/static/page/page.css"):
            plain = await client.get(catflap.url + path, headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            headers = {"Accept-Encoding": "gzip"}
            async with client.stream("GET", catflap.url + path, headers=headers) as packed:
                body = b"".join([part async for part in packed.aiter_raw()])
            assert packed.headers["content-encoding"] == "gzip"
            assert "Accept-Encoding" in packed.headers["vary"]
            assert len(body) < len(plain.content) / 2
            assert len(gzip.decompress(body)) == len(plain.content)


async def test_files_are_kept_for_ever_under_the_address_of_their_version(catflap: FakeApi) -> None:
    async with httpx2.AsyncClient() as client:
        page = (await client.get(catflap.url)).text
        (address,) = {part for part in page.split('"') if part.endswith("/page/page.js")}
        kept = await client.get(catflap.url + address)
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        earlier = await client.get(catflap.url + "/static/v-0123456789ab/page/page.js")
        assert earlier.headers["cache-control"] == "no-cache"
        assert earlier.text == kept.text
        missing = await client.get(f"{catflap.url}/static/v-0123456789ab/page/nothing.js")
        assert missing.status_code == HTTPStatus.NOT_FOUND
