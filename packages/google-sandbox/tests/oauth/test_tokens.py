"""The token endpoint: refresh tokens are rare, codes work once, and every refusal has Google's body."""

from __future__ import annotations

import base64
import hashlib

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.person import CALENDARS, CALLBACK, CLIENT, EVENTS, SECRET, SIGN_IN, G, Person

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def test_a_code_gives_tokens_of_the_documented_shape(mia: Person) -> None:
    answer = await mia.allow(f"{SIGN_IN} {EVENTS}", nonce="n-1")
    response = await mia.exchange(answer["code"])
    tokens = response.json()
    assert response.status_code == 200
    assert "no-store" in response.headers["cache-control"]
    assert set(tokens) == {"access_token", "expires_in", "refresh_token", "scope", "token_type", "id_token"}
    assert (tokens["expires_in"], tokens["token_type"]) == (3599, "Bearer")
    assert tokens["access_token"].startswith("ya29.") and len(tokens["access_token"]) <= 2048
    assert tokens["refresh_token"].startswith("1//") and len(tokens["refresh_token"]) <= 512
    assert set(tokens["scope"].split()) == {"openid", G + "userinfo.email", G + "userinfo.profile", EVENTS}


async def test_email_alone_is_spelled_out_and_brings_openid(mia: Person) -> None:
    assert (await mia.tokens("email"))["scope"] == f"{G}userinfo.email openid"


async def test_a_refresh_token_comes_only_with_the_first_offline_consent(mia: Person) -> None:
    first = (await mia.exchange((await mia.allow(EVENTS))["code"])).json()
    second = (await mia.exchange((await mia.allow(EVENTS))["code"])).json()
    forced = (await mia.exchange((await mia.allow(EVENTS, prompt="consent"))["code"])).json()
    assert ("refresh_token" in first, "refresh_token" in second, "refresh_token" in forced) == (
        True,
        False,
        True,
    )
    assert first["refresh_token"] != forced["refresh_token"]


async def test_online_access_never_gives_one(mia: Person) -> None:
    answer = await mia.allow(EVENTS, access_type="online", prompt="consent")
    assert "refresh_token" not in (await mia.exchange(answer["code"])).json()


async def test_after_a_revocation_the_next_consent_gives_one_again(mia: Person) -> None:
    tokens = await mia.tokens(EVENTS)
    assert (await mia.http.post("/revoke", data={"token": tokens["refresh_token"]})).status_code == 200
    assert "refresh_token" in (await mia.exchange((await mia.allow(EVENTS))["code"])).json()


async def test_a_refresh_gives_a_new_access_token_and_no_refresh_token(mia: Person) -> None:
    tokens = await mia.tokens(f"openid {EVENTS}")
    fresh = (await mia.refresh(tokens["refresh_token"])).json()
    assert set(fresh) == {"access_token", "expires_in", "scope", "token_type", "id_token"}
    assert fresh["access_token"] != tokens["access_token"]
    assert "id_token" not in (await mia.refresh((await mia.tokens(EVENTS))["refresh_token"])).json()


async def test_a_refresh_can_be_narrowed_but_not_widened(mia: Person) -> None:
    tokens = await mia.tokens(f"openid {EVENTS}")
    assert (await mia.refresh(tokens["refresh_token"], scope=EVENTS)).json()["scope"] == EVENTS
    wider = await mia.refresh(tokens["refresh_token"], scope=f"{EVENTS} {CALENDARS}")
    assert wider.status_code == 400
    lists = f"{{valid=[{EVENTS}], invalid=[{CALENDARS}]}}"
    text = f"Some requested scopes were invalid. {lists}"
    assert wider.json() == {"error": "invalid_scope", "error_description": text}


async def test_client_secret_basic_works_as_well_as_post(mia: Person) -> None:
    code = (await mia.allow(EVENTS))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert (await mia.http.post("/token", data=data, auth=(CLIENT, SECRET))).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "error", "description"),
    [
        ({"grant_type": None}, 400, "invalid_request", "Missing required parameter: grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "Invalid grant_type: password"),
        ({"redirect_uri": None}, 400, "invalid_request", "Missing parameter: redirect_uri"),
        ({"client_id": None}, 400, "invalid_request", "Could not determine client ID from request."),
        ({"client_secret": None}, 400, "invalid_request", "client_secret is missing."),
        ({"code": None}, 400, "invalid_request", "Missing required parameter: code"),
        ({"code": "rubbish"}, 400, "invalid_grant", "Malformed auth code."),
        ({"code": "4/0Aunknown"}, 400, "invalid_grant", "Bad Request"),
        ({"client_id": "nobody"}, 401, "invalid_client", "The OAuth client was not found."),
        ({"redirect_uri": "https://app.example.com/"}, 400, "redirect_uri_mismatch", "Bad Request"),
        ({"redirect_uri": "postmessage"}, 400, "redirect_uri_mismatch", "Bad Request"),
        ({"redirect_uri": ""}, 400, "redirect_uri_mismatch", "Bad Request"),
        ({"client_secret": "wrong"}, 401, "invalid_client", "The provided client secret is invalid."),
    ],
)
async def test_every_refusal_of_an_exchange_has_googles_body(
    mia: Person, change: dict[str, str], status: int, error: str, description: str
) -> None:
    code = (await mia.allow(EVENTS))["code"]
    refused = await mia.exchange(**{"code": code, **change})
    assert (refused.status_code, refused.json()) == (
        status,
        {"error": error, "error_description": description},
    )
    assert (await mia.exchange(code)).status_code == 200, "a refusal does not use up the code"


async def test_checks_run_in_the_observed_order(mia: Person) -> None:
    everything_wrong = {"redirect_uri": "https://wrong.example.com", "client_secret": "wrong"}
    code = (await mia.allow(EVENTS, code_challenge=CHALLENGE, code_challenge_method="S256"))["code"]

    async def refusal(**more: str) -> str:
        return (await mia.exchange(**{"code": code, **everything_wrong, **more})).json()["error_description"]

    assert await refusal(code="rubbish", client_id="nobody") == "Malformed auth code."
    assert await refusal(client_id="nobody") == "Missing code verifier."
    assert await refusal(client_id="nobody", code_verifier="w" * 64) == "Invalid code verifier."
    assert await refusal(client_id="nobody", code_verifier=VERIFIER) == "The OAuth client was not found."
    assert await refusal(code_verifier=VERIFIER) == "Bad Request"
    everything_wrong.pop("redirect_uri")
    assert await refusal(code_verifier=VERIFIER) == "The provided client secret is invalid."


@pytest.mark.parametrize("method", ["S256", "plain"])
async def test_pkce_holds_the_code_to_its_verifier(mia: Person, method: str) -> None:
    challenge = {
        "code_challenge": CHALLENGE if method == "S256" else VERIFIER,
        "code_challenge_method": method,
    }
    code = (await mia.allow(EVENTS, **challenge))["code"]
    assert (await mia.exchange(code, code_verifier="w" * 64)).status_code == 400
    assert (await mia.exchange(code, code_verifier=VERIFIER)).status_code == 200


async def test_a_code_works_once_and_for_ten_minutes(mia: Person, clock: Clock) -> None:
    code = (await mia.allow(EVENTS))["code"]
    assert (await mia.exchange(code)).status_code == 200
    assert (await mia.exchange(code)).json() == {"error": "invalid_grant", "error_description": "Bad Request"}
    late = (await mia.allow(EVENTS))["code"]
    clock.advance(minutes=10)
    assert (await mia.exchange(late)).json()["error"] == "invalid_grant"


async def test_a_code_belongs_to_its_client(mia: Person, sandbox: Sandbox) -> None:
    sandbox.add_client("other", "other-secret", [CALLBACK])
    code = (await mia.allow(EVENTS))["code"]
    refused = await mia.exchange(code, client_id="other", client_secret="other-secret")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_native_code_wants_an_empty_redirect_uri(mia: Person, sandbox: Sandbox) -> None:
    code = sandbox.mint_code("mia@example.com", CLIENT, ["openid", EVENTS])
    for wrong in ("postmessage", CALLBACK, "https://app.example.com"):
        refused = await mia.exchange(code, redirect_uri=wrong)
        assert refused.json() == {"error": "redirect_uri_mismatch", "error_description": "Bad Request"}
    assert "refresh_token" in (await mia.exchange(code, redirect_uri="")).json()
    again = sandbox.mint_code("mia@example.com", CLIENT, ["openid", EVENTS])
    assert "refresh_token" not in (await mia.exchange(again, redirect_uri="")).json()
    forced = sandbox.mint_code("mia@example.com", CLIENT, [EVENTS], force_refresh_token=True)
    assert "refresh_token" in (await mia.exchange(forced, redirect_uri=None)).json()


@pytest.mark.parametrize(
    ("change", "status", "error", "description"),
    [
        ({"refresh_token": "1//unknown"}, 400, "invalid_grant", "Bad Request"),
        ({"refresh_token": ""}, 400, "invalid_request", "Missing required parameter: refresh_token"),
        ({"client_id": "nobody"}, 401, "invalid_client", "The OAuth client was not found."),
        ({"client_id": "other", "client_secret": "s"}, 401, "unauthorized_client", "Unauthorized"),
        ({"client_secret": "wrong"}, 401, "invalid_client", "The provided client secret is invalid."),
    ],
)
async def test_every_refusal_of_a_refresh_has_googles_body(
    mia: Person, sandbox: Sandbox, change: dict[str, str], status: int, error: str, description: str
) -> None:
    sandbox.add_client("other", "s", [CALLBACK])
    tokens = await mia.tokens(EVENTS)
    refused = await mia.refresh(**{"token": tokens["refresh_token"], **change})
    assert (refused.status_code, refused.json()) == (
        status,
        {"error": error, "error_description": description},
    )


async def test_the_hundred_and_first_refresh_token_revokes_the_oldest(mia: Person, sandbox: Sandbox) -> None:
    tokens = [sandbox.grant("mia@example.com", CLIENT, [EVENTS])["refresh_token"] for _ in range(101)]
    refused = await mia.refresh(tokens[0])
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert (await mia.refresh(tokens[1])).status_code == 200
    assert (await mia.refresh(tokens[100])).status_code == 200


async def test_testing_projects_give_seven_days_and_say_so(
    mia: Person, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.add_client(CLIENT, SECRET, [CALLBACK], testing=True)
    tokens = await mia.tokens(f"openid {EVENTS}")
    assert tokens["refresh_token_expires_in"] == 604799
    assert "refresh_token_expires_in" not in await mia.tokens(SIGN_IN), "name and email alone last"
    clock.advance(days=6)
    assert (await mia.refresh(tokens["refresh_token"])).json()[
        "refresh_token_expires_in"
    ] == 604799 - 6 * 86400
    clock.advance(days=1)
    refused = await mia.refresh(tokens["refresh_token"])
    assert refused.json()["error_description"] == "Token has been expired or revoked."


async def test_a_refresh_token_expires_after_half_a_year_unused(mia: Person, clock: Clock) -> None:
    tokens = await mia.tokens(EVENTS)
    clock.advance(days=180)
    assert (await mia.refresh(tokens["refresh_token"])).status_code == 200
    clock.advance(days=180)
    assert (await mia.refresh(tokens["refresh_token"])).status_code == 200
    clock.advance(days=184)
    assert (await mia.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_access_token_works_for_3599_seconds(mia: Person, clock: Clock) -> None:
    header = await mia.bearer()
    clock.advance(seconds=3598)
    assert (await mia.http.get("/v1/userinfo", headers=header)).status_code == 200
    clock.advance(seconds=1)
    assert (await mia.http.get("/v1/userinfo", headers=header)).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("where", ["data", "params"])
async def test_revoking_any_token_ends_everything_the_project_has(
    mia: Person, sandbox: Sandbox, which: str, where: str
) -> None:
    sandbox.add_client("sibling", "s", [CALLBACK])
    sandbox.add_client("stranger", "s", [CALLBACK], project="elsewhere")
    sibling = sandbox.grant("mia@example.com", "sibling", [EVENTS])
    stranger = sandbox.grant("mia@example.com", "stranger", [EVENTS])
    older, newer = await mia.tokens(EVENTS), await mia.tokens(CALENDARS)
    assert (await mia.http.post("/revoke", **{where: {"token": newer[which]}})).status_code == 200
    for dead in (older, newer):
        assert (await mia.refresh(dead["refresh_token"])).json()["error"] == "invalid_grant"
    assert (
        await mia.refresh(sibling["refresh_token"], client_id="sibling", client_secret="s")
    ).status_code == 400
    assert (
        await mia.refresh(stranger["refresh_token"], client_id="stranger", client_secret="s")
    ).status_code == 200
    header = {"authorization": f"Bearer {older['access_token']}"}
    assert (await mia.http.get("/calendar/v3/calendars/primary/events", headers=header)).status_code == 401
    again = await mia.http.post("/revoke", **{where: {"token": newer[which]}})
    assert (again.status_code, again.json()) == (
        400,
        {"error": "invalid_token", "error_description": "Token expired or revoked"},
    )
    assert (await mia.allow(EVENTS))["prompt"] == "consent"


async def test_the_token_endpoint_wants_post(http: httpx2.AsyncClient) -> None:
    refused = await http.get("/token")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_a_deleted_account_and_a_deleted_client_have_different_errors(
    mia: Person, sandbox: Sandbox
) -> None:
    tokens = await mia.tokens(EVENTS)
    sandbox.delete_account("mia@example.com")
    refused = await mia.refresh(tokens["refresh_token"])
    assert refused.json() == {"error": "invalid_grant", "error_description": "Account has been deleted"}
    sandbox.delete_client(CLIENT)
    assert (await mia.refresh(tokens["refresh_token"])).json()["error"] == "deleted_client"


async def test_the_same_seed_and_clock_give_the_same_tokens() -> None:
    made = []
    for _ in range(2):
        sandbox = Sandbox(clock=Clock(), seed=42)
        sandbox.add_client(CLIENT, SECRET)
        sandbox.add_account("mia@example.com")
        made.append(sandbox.grant("mia@example.com", CLIENT, ["openid", EVENTS]))
    assert made[0] == made[1]
    other = Sandbox(clock=Clock(), seed=43)
    assert other.add_account("mia@example.com").sub != made[0]["sub"]
