"""API keys over HTTP: shown once, limited, and unable to create keys with more rights."""

from tests.vault.conftest import GrantConsent, TokenApi


async def test_a_key_is_made_used_listed_and_revoked(api: TokenApi, grant_consent: GrantConsent) -> None:
    grant, admin = await grant_consent(), await api.key("keys")
    body = {"name": "shop", "rights": ["tokens"], "users": [grant.user_id]}
    made = (await api.http.post("/v1/keys", headers=admin, json=body)).json()
    url, headers = f"/v1/users/{grant.user_id}/google/token", {"Authorization": f"Bearer {made['secret']}"}
    assert (await api.http.get(url, headers=headers)).status_code == 200
    listed = (await api.http.get("/v1/keys", headers=admin)).text
    assert '"shop"' in listed and made["secret"] not in listed
    assert (await api.http.delete(f"/v1/keys/{made['id']}", headers=admin)).json()["revoked_at"]
    assert (await api.http.get(url, headers=headers)).status_code == 401
    await api.services.audit.write()
    assert {"key.create", "key.revoke"} <= {one.action for one in await api.services.audit.read()}


async def test_no_key_makes_more_than_it_may(api: TokenApi) -> None:
    admin, other = await api.key("keys"), await api.key("tokens", "proxy", "users", "events", "announce")
    body = {"name": "x", "rights": ["tokens"]}
    assert (await api.http.post("/v1/keys", headers=other, json=body)).status_code == 403
    assert (await api.http.post("/v1/keys", json=body)).status_code == 401
    for wrong in ({"rights": ["keys"]}, {"rights": ["all"]}, {"rights": []}, {"per_minute": 0}):
        answer = await api.http.post("/v1/keys", headers=admin, json={**body, **wrong})
        assert answer.status_code in (400, 403)
