"""Sign-in on devices without a browser."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.person import CALENDARS, CLIENT, EVENTS, SECRET, SIGN_IN, G, Person, ticket

WHO = "mia@example.com"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES = f"{SIGN_IN} {CALENDARS}"


async def start(mia: Person, scope: str = SCOPES, **more: str) -> dict[str, Any]:
    answer = await mia.http.post("/device/code", data={"client_id": CLIENT, "scope": scope, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def poll(mia: Person, device_code: str, **more: str) -> httpx2.Response:
    data = {
        "grant_type": GRANT_TYPE,
        "device_code": device_code,
        "client_id": CLIENT,
        "client_secret": SECRET,
        **more,
    }
    return await mia.http.post("/token", data=data)


async def error(mia: Person, device_code: str, **more: str) -> tuple[int, str, str]:
    answer = await poll(mia, device_code, **more)
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


async def decide(
    mia: Person, user_code: str, decision: str = "allow", untick: tuple[str, ...] = ()
) -> httpx2.Response:
    page = await mia.choose(await mia.http.post("/device", data={"user_code": user_code}))
    return await mia.decide(page, decision, untick)


async def test_a_device_gets_codes_of_the_documented_shape(mia: Person, base: str) -> None:
    codes = await start(mia)
    assert set(codes) == {"device_code", "user_code", "expires_in", "interval", "verification_url"}
    assert (codes["expires_in"], codes["interval"]) == (1800, 5)
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", codes["user_code"])
    assert codes["verification_url"] == f"{base}/device"


async def test_a_device_waits_and_gets_tokens_once_the_person_allows(mia: Person, clock: Clock) -> None:
    codes = await start(mia)
    pending = (428, "authorization_pending", "Precondition Required")
    assert await error(mia, codes["device_code"]) == pending
    assert await error(mia, codes["device_code"]) == (403, "slow_down", "Forbidden")
    clock.advance(seconds=4.9)
    assert await error(mia, codes["device_code"]) == pending
    page = await decide(mia, codes["user_code"])
    assert (page.status_code, "location" in page.headers) == (200, False)
    tokens = (await poll(mia, codes["device_code"])).json()
    assert set(tokens["scope"].split()) == {
        "openid",
        G + "userinfo.email",
        G + "userinfo.profile",
        CALENDARS,
    }
    assert {"access_token", "refresh_token", "id_token"} <= set(tokens)
    assert (await mia.refresh(tokens["refresh_token"])).status_code == 200
    assert await error(mia, codes["device_code"]) == (400, "invalid_grant", "Bad Request")


async def test_a_device_polls_access_denied_after_a_denial(mia: Person) -> None:
    codes = await start(mia)
    await error(mia, codes["device_code"])
    await decide(mia, codes["user_code"], "deny")
    for _ in range(2):
        assert await error(mia, codes["device_code"]) == (403, "access_denied", "Forbidden")


async def test_a_device_gets_only_the_scopes_that_were_ticked(mia: Person) -> None:
    codes = await start(mia)
    await decide(mia, codes["user_code"], untick=(CALENDARS,))
    assert CALENDARS not in (await poll(mia, codes["device_code"])).json()["scope"].split()


async def test_device_codes_expire_after_half_an_hour(mia: Person, clock: Clock) -> None:
    codes = await start(mia)
    page = await mia.choose(await mia.http.post("/device", data={"user_code": codes["user_code"]}))
    clock.advance(seconds=1800)
    assert (await mia.decide(page)).status_code == 400, "too late to decide"
    assert await error(mia, codes["device_code"]) == (400, "expired_token", "Bad Request")
    typed = await mia.http.post("/device", data={"user_code": codes["user_code"]})
    assert 'role="alert"' in typed.text


@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
async def test_the_page_forgives_case_dash_and_spaces(mia: Person, change: Any) -> None:
    codes = await start(mia)
    page = await mia.http.post("/device", data={"user_code": change(codes["user_code"])})
    assert ticket(page)


async def test_the_page_shows_a_field_and_takes_no_wrong_code(mia: Person) -> None:
    codes = await start(mia)
    page = await mia.http.get("/device", params={"user_code": codes["user_code"]})
    assert f'value="{codes["user_code"]}"' in page.text
    for wrong in ("", "AAAA-AAAA", "é"):
        page = await mia.http.post("/device", data={"user_code": wrong})
        assert (page.status_code, 'role="alert"' in page.text) == (200, True)


async def test_every_refusal_of_a_device_has_googles_body(mia: Person, sandbox: Sandbox) -> None:
    async def refusal(**change: str) -> tuple[int, str, str]:
        data = {"client_id": CLIENT, "scope": SCOPES, **change}
        answer = await mia.http.post("/device/code", data={k: v for k, v in data.items() if v})
        return answer.status_code, answer.json()["error"], answer.json()["error_description"]

    no_client = "Could not determine client ID from request."
    assert await refusal(client_id="") == (400, "invalid_request", no_client)
    assert await refusal(client_id="nobody") == (401, "invalid_client", "The OAuth client was not found.")
    assert await refusal(scope="") == (400, "invalid_request", "Missing required parameter: scope")
    for scope in (EVENTS, "https://mail.google.com/", "nonsense"):
        assert await refusal(scope=f"openid {scope}") == (
            400,
            "invalid_scope",
            f"Invalid device flow scope: {scope}",
        )
    code = (await start(mia))["device_code"]
    assert await error(mia, "AH-1Ngnonsense") == (400, "invalid_grant", "Bad Request")
    assert (await error(mia, ""))[1:] == ("invalid_request", "Missing required parameter: device_code")
    assert (await error(mia, code, client_secret=""))[1:] == ("invalid_request", "client_secret is missing.")
    assert (await error(mia, code, client_secret="x"))[:2] == (401, "invalid_client")
    sandbox.add_client("other", SECRET)
    assert (await error(mia, code, client_id="other"))[:2] == (400, "invalid_grant")


@pytest.mark.parametrize("kind", ["web", "desktop"])
async def test_only_clients_for_limited_input_devices_may_use_it(
    mia: Person, sandbox: Sandbox, kind: str
) -> None:
    code = (await start(mia))["device_code"]
    sandbox.add_client(CLIENT, SECRET, client_type=kind)
    answer = await mia.http.post("/device/code", data={"client_id": CLIENT, "scope": SCOPES})
    assert (answer.status_code, answer.json()) == (
        401,
        {"error": "invalid_client", "error_description": "Invalid client type."},
    )
    assert await error(mia, code) == (401, "invalid_client", "Invalid client type.")
    sandbox.add_client(CLIENT, SECRET, client_type="tv")
    assert (await error(mia, code))[1] == "authorization_pending"


async def test_the_older_form_of_the_poll_works(mia: Person, sandbox: Sandbox) -> None:
    codes = (await mia.http.post("/o/oauth2/device/code", data={"client_id": CLIENT, "scope": SCOPES})).json()
    sandbox.answer_device(codes["user_code"], WHO)
    data = {
        "grant_type": "http://oauth.net/grant_type/device/1.0",
        "code": codes["device_code"],
        "client_id": CLIENT,
        "client_secret": SECRET,
    }
    assert (await mia.http.post("/token", data=data)).json()["refresh_token"]


async def test_a_test_can_decide_for_the_person(mia: Person, sandbox: Sandbox) -> None:
    allowed, denied = await start(mia), await start(mia)
    authorized: list[str] = []
    sandbox.on_authorize = authorized.append
    assert CALENDARS in sandbox.answer_device(allowed["user_code"], WHO)
    answer = await mia.http.post(
        "/sandbox/device", json={"user_code": denied["user_code"], "email": WHO, "deny": True}
    )
    assert (answer.status_code, answer.json(), authorized) == (200, {"scopes": []}, [WHO])
    assert (await poll(mia, allowed["device_code"])).status_code == 200
    assert (await error(mia, denied["device_code"]))[1] == "access_denied"
    with pytest.raises(LookupError):
        sandbox.answer_device(allowed["user_code"], WHO)


async def test_faults_and_the_log_know_the_poll_by_its_name(mia: Person, sandbox: Sandbox) -> None:
    codes = await start(mia)
    sandbox.answer_device(codes["user_code"], WHO)
    sandbox.fault("oauth.token.device", account=WHO, status=503, times=1)
    assert [(await poll(mia, codes["device_code"])).status_code for _ in range(2)] == [503, 200]
    logged = sandbox.requests("oauth.token.device")
    assert [(entry["status"], entry["account"], entry["client"]) for entry in logged] == [
        (503, WHO, CLIENT),
        (200, WHO, CLIENT),
    ]
    assert codes["device_code"] not in str(sandbox.requests())
