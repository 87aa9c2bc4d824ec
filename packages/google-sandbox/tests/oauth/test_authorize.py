"""The authorization page: what is shown, what is asked, and what goes back to the app."""

from __future__ import annotations

import json
import re

import pytest

from google_sandbox import Sandbox
from sandbox_support.person import CALENDARS, CALLBACK, CLIENT, EVENTS, SECRET, SIGN_IN, G, Person

LIST = G + "calendar.calendarlist.readonly"


async def test_the_redirect_carries_state_iss_code_scope_and_prompt(mia: Person, base: str) -> None:
    answer = await mia.allow(f"{SIGN_IN} {EVENTS}")
    assert answer["state"] == "a-state"
    assert answer["iss"] == base
    assert re.fullmatch(r"4/0A[\w-]+", answer["code"]) and len(answer["code"]) <= 256
    assert set(answer["scope"].split()) == {"openid", G + "userinfo.email", G + "userinfo.profile", EVENTS}
    assert answer["prompt"] == "consent"
    assert answer["authuser"] == "0"


async def test_an_empty_state_comes_back_empty(mia: Person) -> None:
    page = await mia.decide(await mia.choose(await mia.begin(EVENTS, state="")))
    assert "state=&" in page.headers["location"]


async def test_consent_is_asked_once_per_project_unless_forced(mia: Person, sandbox: Sandbox) -> None:
    assert (await mia.allow(EVENTS))["prompt"] == "consent"
    assert (await mia.allow(EVENTS))["prompt"] == "none"
    assert (await mia.allow(EVENTS, prompt="consent"))["prompt"] == "consent"
    sandbox.add_client("second", "s", [CALLBACK])
    assert (await mia.allow(EVENTS, client_id="second"))["prompt"] == "none"
    sandbox.add_client("elsewhere", "s", [CALLBACK], project="another")
    assert (await mia.allow(EVENTS, client_id="elsewhere"))["prompt"] == "consent"


async def test_each_scope_beside_sign_in_has_a_box_and_unticked_ones_are_not_granted(mia: Person) -> None:
    answer = await mia.allow(f"openid {EVENTS} {LIST}", untick=[EVENTS])
    assert mia.boxes == [EVENTS, LIST]
    assert set(answer["scope"].split()) == {"openid", LIST}
    tokens = (await mia.exchange(answer["code"])).json()
    assert set(tokens["scope"].split()) == {"openid", LIST}


async def test_a_lone_scope_is_all_or_nothing(mia: Person) -> None:
    answer = await mia.allow(EVENTS)
    assert mia.boxes == []
    assert answer["scope"] == EVENTS


async def test_with_every_box_unticked_and_no_sign_in_the_answer_is_access_denied(mia: Person) -> None:
    answer = await mia.allow(f"{EVENTS} {LIST}", untick=[EVENTS, LIST])
    assert answer["error"] == "access_denied"


async def test_deny_goes_back_as_access_denied_with_state_and_iss(mia: Person, base: str) -> None:
    answer = await mia.allow(f"{SIGN_IN} {EVENTS}", decision="deny")
    assert answer == {"error": "access_denied", "state": "a-state", "iss": base}


async def test_the_older_approval_prompt_forces_the_page_too(mia: Person) -> None:
    await mia.allow(EVENTS)
    assert (await mia.allow(EVENTS))["prompt"] == "none"
    assert (await mia.allow(EVENTS, approval_prompt="auto"))["prompt"] == "none"
    assert (await mia.allow(EVENTS, approval_prompt="force"))["prompt"] == "consent"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"redirect_uri": CALLBACK + "/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK.upper()}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "storagerelay://https/evil.example.com?id=x"}, 400, "origin_mismatch"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"response_type": "token"}, 400, "invalid_request"),
        ({"scope": ""}, 400, "invalid_request"),
        ({"scope": "openid nonsense"}, 400, "invalid_scope"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"access_type": "forever"}, 400, "invalid_request"),
        ({"approval_prompt": "always"}, 400, "invalid_request"),
        ({"approval_prompt": "force", "prompt": "consent"}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
        ({"code_challenge": "x" * 43, "code_challenge_method": "S512"}, 400, "invalid_request"),
    ],
)
async def test_errors_of_the_request_are_shown_and_never_redirected(
    mia: Person, change: dict[str, str], status: int, code: str
) -> None:
    page = await mia.begin(**{"scope": EVENTS, **change})
    assert page.status_code == status
    assert "location" not in page.headers
    assert f"Error {status}: {code}" in page.text


LOOPBACK = [
    "http://localhost",
    "http://localhost/",
    "http://localhost:8080",
    "http://localhost:49152/oauth2callback?x=1",
    "http://127.0.0.1",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1:49152/callback",
    "http://[::1]:8080",
    "http://[::1]:49152/callback",
]
NOT_LOOPBACK = [
    "https://localhost:8080",
    "https://127.0.0.1:8080",
    "http://127.0.0.2:8080",
    "http://0.0.0.0:8080",
    "http://[::2]:8080",
    "http://localhost.example.com:8080",
    "http://127.0.0.1.example.com",
    "http://localhost:80@example.com/",
    "http://example.com/?http://localhost",
    "http://localhost\\@example.com",
    "http://localhost:8080/#part",
    "http://localhost:port",
    "http://localhost:99999",
    "http://local\nhost:8080",
    "http://localhost :8080",
    "urn:ietf:wg:oauth:2.0:oob",
]


@pytest.mark.parametrize("uri", LOOPBACK)
@pytest.mark.parametrize("registered", ["http://localhost", "http://127.0.0.1", "http://[::1]"])
async def test_a_desktop_client_may_use_any_port_and_path_of_loopback(
    mia: Person, sandbox: Sandbox, registered: str, uri: str
) -> None:
    sandbox.add_client(CLIENT, SECRET, [registered])
    answer = await mia.allow(EVENTS, redirect_uri=uri)
    assert (await mia.exchange(answer["code"], redirect_uri=uri)).status_code == 200
    other = await mia.exchange((await mia.allow(EVENTS, redirect_uri=uri))["code"], redirect_uri=uri + "1")
    assert (other.status_code, other.json()["error"]) == (400, "redirect_uri_mismatch")


@pytest.mark.parametrize("uri", NOT_LOOPBACK)
async def test_what_only_looks_like_loopback_is_refused(mia: Person, sandbox: Sandbox, uri: str) -> None:
    sandbox.add_client(CLIENT, SECRET, ["http://localhost"])
    page = await mia.begin(EVENTS, redirect_uri=uri)
    assert (page.status_code, "redirect_uri_mismatch" in page.text) == (400, True)


async def test_a_web_client_may_use_only_what_is_registered(mia: Person, sandbox: Sandbox) -> None:
    registered = ["http://localhost", "http://localhost:3000/callback", CALLBACK]
    sandbox.add_client(CLIENT, SECRET, registered, client_type="web")
    for uri in registered:
        assert "code" in await mia.allow(EVENTS, redirect_uri=uri)
    for uri in ("http://localhost:3000", "http://127.0.0.1:3000/callback", "http://localhost/"):
        page = await mia.begin(EVENTS, redirect_uri=uri)
        assert (page.status_code, "redirect_uri_mismatch" in page.text) == (400, True)


async def test_a_declared_desktop_client_needs_no_registration_and_always_gets_a_refresh_token(
    mia: Person, sandbox: Sandbox
) -> None:
    sandbox.add_client(CLIENT, SECRET, client_type="desktop")
    uri = "http://127.0.0.1:49152"
    for _ in range(2):
        answer = await mia.allow(EVENTS, redirect_uri=uri, access_type="online")
        assert "refresh_token" in (await mia.exchange(answer["code"], redirect_uri=uri)).json()
    wider = await mia.allow(CALENDARS, redirect_uri=uri, include_granted_scopes="true")
    assert wider["scope"] == CALENDARS, "include_granted_scopes is not for installed apps"
    refused = await mia.begin(EVENTS, redirect_uri=CALLBACK)
    assert (refused.status_code, "redirect_uri_mismatch" in refused.text) == (400, True)


def test_an_unknown_client_type_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="web, desktop, tv"):
        sandbox.add_client(CLIENT, SECRET, client_type="spa")


async def test_a_deleted_client_and_an_embedded_browser_are_shown_an_error(
    mia: Person, sandbox: Sandbox
) -> None:
    agent = {"user-agent": "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit"}
    page = await mia.http.get(
        "/o/oauth2/v2/auth",
        params={"client_id": CLIENT, "redirect_uri": CALLBACK, "response_type": "code", "scope": EVENTS},
        headers=agent,
    )
    assert (page.status_code, "disallowed_useragent" in page.text) == (403, True)
    sandbox.delete_client(CLIENT)
    page = await mia.begin(EVENTS)
    assert (page.status_code, "deleted_client" in page.text) == (401, True)


async def test_a_testing_project_lets_only_its_testers_in(mia: Person, sandbox: Sandbox) -> None:
    sandbox.add_client("beta", "s", [CALLBACK], project="beta", testing=True, testers=["leo@example.com"])
    page = await mia.choose(await mia.begin(EVENTS, client_id="beta"))
    assert (page.status_code, "access_denied" in page.text) == (403, True)


async def test_login_hint_skips_the_chooser_unless_select_account_is_asked(
    mia: Person, sandbox: Sandbox
) -> None:
    for hint in ("mia@example.com", sandbox.account("mia@example.com").sub):
        assert 'name="decision"' in (await mia.begin(EVENTS, login_hint=hint)).text
    page = await mia.begin(EVENTS, login_hint="mia@example.com", prompt="select_account")
    assert 'name="email"' in page.text


async def test_prompt_none_shows_no_page(mia: Person) -> None:
    hint = {"prompt": "none", "login_hint": "mia@example.com"}
    mia.http.cookies.clear()
    assert (await mia.allow(EVENTS, prompt="none"))["error"] == "login_required"
    assert (await mia.allow(EVENTS, **hint))["error"] == "consent_required"
    await mia.allow(EVENTS)
    assert "code" in await mia.allow(EVENTS, **hint)
    assert "code" in await mia.allow(EVENTS, prompt="none")


async def test_a_form_works_once(mia: Person) -> None:
    consent = await mia.choose(await mia.begin(EVENTS))
    assert (await mia.decide(consent)).status_code == 303
    again = await mia.decide(consent)
    assert again.status_code == 400
    assert "location" not in again.headers


async def test_an_unknown_address_becomes_an_account_and_nonsense_does_not(
    mia: Person, sandbox: Sandbox
) -> None:
    mia.email = "not an address"
    page = await mia.choose(await mia.begin(EVENTS))
    assert "That is not an email address." in page.text
    mia.email = "new.person@example.com"
    assert 'name="decision"' in (await mia.choose(page)).text
    assert sandbox.account("new.person@example.com").name == "New Person"


async def test_the_pages_say_sandbox_in_english_and_japanese(mia: Person) -> None:
    page = await mia.begin(f"{SIGN_IN} {EVENTS}")
    assert "this is not Google" in page.text
    page = await mia.http.get(page.request.url, headers={"accept-language": "ja,en;q=0.5"})
    assert "サンドボックス" in page.text and "アカウントの選択" in page.text
    assert page.headers["x-frame-options"] == "DENY"


async def test_names_are_escaped_on_every_page(mia: Person, sandbox: Sandbox) -> None:
    sandbox.add_account("evil@example.com", name="<script>alert(1)</script>")
    page = await mia.begin(EVENTS, state="</script><script>alert(2)</script>")
    assert "<script>alert" not in page.text


async def test_a_popup_gets_its_answer_on_a_page_for_its_opener(mia: Person) -> None:
    relay = "storagerelay://https/app.example.com?id=auth7"
    state = "</script><script>alert(2)</script>"
    page = await mia.decide(
        await mia.choose(await mia.begin(f"openid {CALENDARS}", redirect_uri=relay, state=state))
    )
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    answer = json.loads(re.search(r'id="response">(.*?)</script>', page.text)[1])
    assert (answer["id"], answer["state"], answer["type"]) == ("auth7", state, "authorizationResponse")
    for redirect_uri in ("postmessage", "https://app.example.com"):
        code = (await mia.decide_popup(f"openid {CALENDARS}", relay))["code"]
        assert (await mia.exchange(code, redirect_uri=redirect_uri)).status_code == 200
    code = (await mia.decide_popup(f"openid {CALENDARS}", relay))["code"]
    refused = await mia.exchange(code, redirect_uri=CALLBACK)
    assert (refused.status_code, refused.json()["error"]) == (400, "redirect_uri_mismatch")


async def test_incremental_consent_widens_only_when_asked_to(mia: Person) -> None:
    await mia.tokens("openid email")
    narrow = await mia.tokens(EVENTS)
    assert narrow["scope"] == EVENTS
    wide = await mia.tokens(LIST, include_granted_scopes="true")
    assert set(wide["scope"].split()) == {"openid", G + "userinfo.email", EVENTS, LIST}


async def test_each_code_is_announced_with_its_account(mia: Person, sandbox: Sandbox) -> None:
    heard: list[str] = []
    sandbox.on_authorize = heard.append
    await mia.allow(EVENTS)
    await mia.allow(EVENTS)
    assert heard == ["mia@example.com", "mia@example.com"]


async def test_a_page_needs_no_favicon_from_the_server(mia: Person) -> None:
    page = await mia.begin(EVENTS)
    assert '<link rel="icon" href="data:,">' in page.text
