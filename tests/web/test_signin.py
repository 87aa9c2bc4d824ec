"""The redirect flow: one consent, a session and a grant, and nothing kept of what isn't right."""

import pytest

from tests.front_door import ALICE, Door


async def test_one_consent_gives_a_session_and_a_grant(door: Door) -> None:
    browser = await door.browser()
    answer = await browser.sign_in("/signin/google?scopes=calendar&next=/afterwards")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/afterwards")
    me = await browser.me()
    assert me["accounts"][0]["email"] == ALICE
    assert me["grants"][0]["state"] == "active"
    assert me["grants"][0]["missing_scopes"] == []
    assert door.google_was_asked("oauth.token.exchange") == 1
    assert await door.stored() == {
        "app.users": 1,
        "app.accounts": 1,
        "app.sessions": 1,
        "vault.google_tokens": 1,
    }
