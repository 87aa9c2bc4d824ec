"""API keys over HTTP: shown once, limited, and never able to make their like."""

from .conftest import Allow, Door


async def test_a_key_is_made_used_listed_and_revoked(door: Door, allow: Allow) -> None:
    grant, admin = await allow(), await door.key("keys")
    body = {"name": "shop", "rights": ["tokens"], "users": [grant.user_id]}
    made = (await door.http.post("/v1/keys", headers=admin, json=body)).json()
    url, headers = f"/v1/users/{grant.user_id}/google/token", {"Authorization": f"Bearer {made['secret']}"}
    assert (await door.http.get(url, headers=headers)).status_code == 200
    listed = (await door.http.get("/v1/keys", headers=admin)).text
    assert '"shop"' in listed and made["secret"] not in listed
    assert (await door.http.delete(f"/v1/keys/{made['id']}", headers=admin)).json()["revoked_at"]
    assert (await door.http.get(url, headers=headers)).status_code == 401
    await door.parts.audit.write()
    assert {"key.create", "key.revoke"} <= {one.action for one in await door.parts.audit.read()}


async def test_no_key_makes_more_than_it_may(door: Door) -> None:
    admin, other = await door.key("keys"), await door.key("tokens", "proxy", "users", "announce")
    body = {"name": "x", "rights": ["tokens"]}
    assert (await door.http.post("/v1/keys", headers=other, json=body)).status_code == 403
    assert (await door.http.post("/v1/keys", json=body)).status_code == 401
    for wrong in ({"rights": ["keys"]}, {"rights": ["all"]}, {"rights": []}, {"per_minute": 0}):
        answer = await door.http.post("/v1/keys", headers=admin, json={**body, **wrong})
        assert answer.status_code in (400, 403)
