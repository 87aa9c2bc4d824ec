"""The web server of `catflap signin`: its pages, and what others on the same computer can get of them."""

import asyncio
import html

import httpx2
import pytest

from catflap.cli.loopback import LoopbackRedirect, Page
from catflap.web.i18n import texts

ORIGIN = "http://127.0.0.1:8123"


async def test_only_the_browser_that_brought_the_code_sees_the_page() -> None:
    redirect = LoopbackRedirect(8123, "the-state")
    transport = httpx2.ASGITransport(redirect)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        waiting = asyncio.create_task(http.get("/?state=the-state&code=of-google"))
        assert (await redirect.response()).code == "of-google"
        page = Page("Signed in", (), "http://server/", (("handover", "the-secret"),), "Go")
        redirect.show(lambda _: page)
        first = await waiting
        assert first.status_code == 303
        for address in ("/done", "/done/", "/?state=the-state", "/?state=the-state&code=of-another"):
            answer = await http.get(address)
            assert (answer.status_code in (400, 404), answer.headers.get("Location")) == (True, None)
        again = await http.get("/?state=the-state&code=of-google")
        assert again.headers["Location"] == first.headers["Location"]
        assert "the-secret" in (await http.get(first.headers["Location"])).text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [({}, "en"), ({"Accept-Language": "ja,en;q=0.5"}, "ja"), ({"Accept-Language": "fr"}, "en")],
)
async def test_each_page_is_in_the_language_of_the_browser(accepted: dict[str, str], language: str) -> None:
    redirect = LoopbackRedirect(8123, "the-state")
    transport = httpx2.ASGITransport(redirect)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=accepted) as http:
        redirect.show(lambda texts: Page(texts["loopback_signed_in"], ("<b>",)))
        back = await http.get("/?state=the-state&code=of-google", follow_redirects=True)
        strange = [
            await http.get("/favicon.ico"),
            await http.get("/?state=of-another"),
            await http.get("/?state=the-state&code=of-another"),
            await http.get("/", headers={"Host": "evil.example"}),
        ]
    assert f"<h1>{texts(language)['loopback_signed_in']}</h1><p>&lt;b&gt;</p>" in back.text
    for answer in strange:
        assert texts(language)["loopback_not_waiting"] in html.unescape(answer.text)
    assert [answer.status_code for answer in (back, *strange)] == [200, 404, 400, 400, 403]
    for answer in (back, *strange):
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["Content-Language"] == language
