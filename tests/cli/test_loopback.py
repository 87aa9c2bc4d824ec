"""The web server of `catflap signin`: what other users of the same computer can get from it."""

import asyncio

import httpx2

from catflap.cli.loopback import LoopbackRedirect, Page

ORIGIN = "http://127.0.0.1:8123"


async def test_only_the_browser_that_brought_the_code_sees_the_page() -> None:
    redirect = LoopbackRedirect(8123, "the-state")
    transport = httpx2.ASGITransport(redirect)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        waiting = asyncio.create_task(http.get("/?state=the-state&code=of-google"))
        assert (await redirect.response()).code == "of-google"
        redirect.show(Page("Signed in", "", "http://server/", (("handover", "the-secret"),), "Go"))
        first = await waiting
        assert first.status_code == 303
        for address in ("/done", "/done/", "/?state=the-state", "/?state=the-state&code=of-another"):
            answer = await http.get(address)
            assert (answer.status_code in (400, 404), answer.headers.get("Location")) == (True, None)
        again = await http.get("/?state=the-state&code=of-google")
        assert again.headers["Location"] == first.headers["Location"]
        assert "the-secret" in (await http.get(first.headers["Location"])).text
