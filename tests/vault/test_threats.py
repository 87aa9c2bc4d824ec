"""No secret of the vault is found in logs, responses, the audit log, the queue or other tables."""

import ipaddress
import json

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from catflap.errors import CatflapError
from catflap.store.database import Urls
from catflap.vault.rotation import Rotation
from catflap.vault.webhooks import Address, Webhooks
from google_sandbox.risc.events import event_token, token_subject
from tests.support.webhook_receiver import due
from tests.vault.conftest import CLIENT_ID, CLIENT_SECRET, ExpireToken, Google, GrantConsent, TokenApi

TABLES = text(
    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
    "WHERE schemaname IN ('app', 'vault', 'queue') ORDER BY 1"
)


async def test_neither_logs_nor_answers_nor_any_table_hold_a_secret(
    api: TokenApi,
    grant_consent: GrantConsent,
    expire_token: ExpireToken,
    google: Google,
    database_urls: Urls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vault, answers = api.services.vault, []
    grants = vault.grants
    # Nothing leaves this machine: whatever the webhook is, the receiver is down.
    nowhere = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(503)))
    webhooks = Webhooks(grants.engine, grants.cipher, api.services.clock, nowhere, resolve=_somewhere)
    hook, hook_secret = await webhooks.create("https://hooks.example.com/x")
    headers = await api.key("tokens", "proxy")
    canaries = {hook_secret, CLIENT_SECRET, headers["Authorization"].split()[1]}
    for trouble in (None, {"status": 503}, {"error": "invalid_client"}, {"garbage": True}, {"drop": "after"}):
        grant = await grant_consent(again=True)
        canaries |= {grants.open_refresh_token(grant) or "", grants.open_access_token(grant) or ""}
        await expire_token(grant)
        google.clear_faults()
        if trouble is not None:
            google.trouble(**trouble)
        for path in ("token", "www.googleapis.com/calendar/v3/calendars/primary/events"):
            answer = await api.http.get(f"/v1/users/{grant.user_id}/google/{path}", headers=headers)
            if answer.status_code == 200 and path == "token":
                canaries.add(answer.json()["access_token"])
            else:
                answers.append(answer.text + json.dumps(dict(answer.headers)))
    google.clear_faults()
    live = await grant_consent(again=True)
    refresh_token = grants.open_refresh_token(live) or ""
    canaries |= {refresh_token, refresh_token[:16]}
    event = event_token(
        google.sandbox.state, CLIENT_ID, "token-revoked", {"subject": token_subject(refresh_token, False)}
    )
    await api.http.post("/google/risc", content=event)
    for jti in await api.services.security_event_handler.unfinished():
        await api.services.security_event_handler.handle(jti)
    for delivery in await due(webhooks):
        await webhooks.deliver(delivery)
    with pytest.raises(CatflapError) as caught:
        await vault.access_token(live.user_id)
    await Rotation(grants.engine, grants.cipher).reseal()
    await api.services.audit.write()

    said = capsys.readouterr()
    sinks = {
        "log": said.out + said.err,
        "answers": "".join(answers),
        "errors": repr(caught.value) + str(caught.value.detail),
        "objects": repr([live, hook, vault, grants]),
        **await _dump(database_urls),
    }
    assert sinks["log"] and sinks["answers"]
    for place, content in sinks.items():
        for canary in canaries - {""}:
            assert canary not in content, f"a secret is in {place}"
            assert canary.encode().hex() not in content, f"a secret is in {place}"


async def _somewhere(host: str, port: int) -> list[Address]:
    return [ipaddress.ip_address("93.184.215.14")]


async def _dump(urls: Urls) -> dict[str, str]:
    """Every table as text, as a stolen dump would show it."""
    engine = create_async_engine(urls.owner)
    async with engine.connect() as connection:
        names = (await connection.execute(TABLES)).scalars().all()
        found = {}
        for name in names:
            rows = (await connection.execute(text(f"SELECT r::text FROM {name} r"))).scalars().all()
            found[name] = "\n".join(rows)
    await engine.dispose()
    assert found["vault.google_tokens"] and found["vault.api_keys"]
    return found
