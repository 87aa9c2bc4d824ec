"""The fixtures that strangers' tests use."""

import urllib.request

import httpx2

from google_sandbox import Sandbox


def test_a_blocking_client_reaches_the_sandbox(google_sandbox: Sandbox) -> None:
    with urllib.request.urlopen(google_sandbox.base_url + "/.well-known/openid-configuration") as answer:
        assert answer.status == 200


async def test_an_async_client_reaches_it_too(google_sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient() as http:
        document = (await http.get(google_sandbox.base_url + "/.well-known/openid-configuration")).json()
    assert document["token_endpoint"].startswith(google_sandbox.base_url)
