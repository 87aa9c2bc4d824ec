"""A keyset that does not match the database is reported, at the start or while running."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.app import Application, open_catflap
from catflap.clock import FixedClock
from catflap.errors import OperatorMustAct, UserMustAct
from catflap.google.oauth import TokenResponse
from catflap.settings import Settings
from catflap.store.database import Urls
from catflap.store.vault_tables import google_tokens, webhooks
from catflap.vault import Grants, TokenCipher, Vault, load_keyset
from catflap.vault.database_keyset import open_cipher
from catflap.vault.encryption import AssociatedData, key_id
from catflap.vault.keyset import KeysetFile, only_primary, with_new_primary
from catflap.vault.keyset_adoption import KeysetAdoption
from catflap.vault.sealed_columns import _KEYS, keys_in_use, missing_keys
from catflap.vault.webhooks import Webhooks, secret_associated_data
from tests.support.app_client import ALICE, BOB, RunningApp, running_app
from tests.vault.conftest import CLIENT_ID, GrantConsent

FILE = "secrets/vault-keyset.json"


@pytest.fixture
async def catflap(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    """All of Catflap, with a data directory of its own."""
    async with running_app(database_urls, clock, tmp_path / "catflap") as opened:
        yield opened


def _answer(refresh: str | None = "refresh") -> TokenResponse:
    return TokenResponse("access", 3599, frozenset({"openid"}), refresh)


def _settings(catflap: RunningApp, **changed: object) -> Settings:
    return catflap.catflap.services.settings.model_copy(update=changed)


def _keyset(catflap: RunningApp) -> Path:
    return catflap.catflap.services.settings.data_dir / FILE


@asynccontextmanager
async def _machine(
    catflap: RunningApp, data_dir: Path
) -> AsyncIterator[tuple[Application, httpx2.AsyncClient]]:
    """A second machine on the same database, with a data directory of its own."""
    async with (
        open_catflap(_settings(catflap, data_dir=data_dir), catflap.clock) as second,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(second.web), base_url=catflap.origin) as http,
    ):
        yield second, http


async def _refuses_to_start(catflap: RunningApp, code: str, **changed: object) -> str:
    with pytest.raises(OperatorMustAct) as caught:
        async with open_catflap(_settings(catflap, **changed), catflap.clock):
            pass
    assert caught.value.code == code
    assert "catflap keys adopt" in caught.value.message
    return caught.value.message


async def test_a_lost_keyset_is_not_replaced_in_silence(catflap: RunningApp) -> None:
    await (await catflap.browser()).sign_in()
    _keyset(catflap).unlink()
    message = await _refuses_to_start(catflap, "keyset_missing")
    assert str(_keyset(catflap)) in message and "2 sealed values" in message
    assert not _keyset(catflap).exists()


async def test_without_anything_sealed_a_new_keyset_is_made(catflap: RunningApp) -> None:
    _keyset(catflap).unlink()
    async with open_catflap(_settings(catflap), catflap.clock):
        assert _keyset(catflap).exists()


async def test_a_keyset_of_another_database_is_refused(catflap: RunningApp, tmp_path: Path) -> None:
    await (await catflap.browser()).sign_in()
    right, wrong = KeysetFile(_keyset(catflap)), load_keyset(tmp_path / "wrong.json").source
    text_of_right = right.read()
    right.write(wrong.read())
    await _refuses_to_start(catflap, "keyset_lacks_key")
    await _refuses_to_start(catflap, "keyset_lacks_key", vault_keyset=SecretStr(wrong.read()))
    right.write(text_of_right)
    async with open_catflap(_settings(catflap), catflap.clock):
        pass


async def test_a_key_of_the_same_number_and_other_content_is_refused(
    catflap: RunningApp, tmp_path: Path
) -> None:
    await (await catflap.browser()).sign_in()
    right = json.loads(KeysetFile(_keyset(catflap)).read())
    wrong = json.loads(load_keyset(tmp_path / "wrong.json").source.read())
    wrong["key"][0]["keyId"] = wrong["primaryKeyId"] = right["primaryKeyId"]
    await _refuses_to_start(catflap, "keyset_lacks_key", vault_keyset=SecretStr(json.dumps(wrong)))


async def test_a_keyset_with_more_keys_than_the_database_knows_is_fine(catflap: RunningApp) -> None:
    await (await catflap.browser()).sign_in()
    more = with_new_primary(KeysetFile(_keyset(catflap)).read())
    async with open_catflap(_settings(catflap, vault_keyset=SecretStr(more)), catflap.clock):
        pass


async def test_a_keyset_older_than_the_newest_values_is_refused(catflap: RunningApp) -> None:
    await (await catflap.browser()).sign_in()
    file = KeysetFile(_keyset(catflap))
    old = file.read()
    file.write(with_new_primary(old))
    await (await catflap.browser(BOB)).sign_in()
    await _refuses_to_start(catflap, "keyset_lacks_key", vault_keyset=SecretStr(old))
    newest = only_primary(file.read())
    await _refuses_to_start(catflap, "keyset_lacks_key", vault_keyset=SecretStr(newest))


async def test_a_webhooks_secret_wants_its_key_too(catflap: RunningApp) -> None:
    services = catflap.catflap.services
    cipher = services.vault.grants.cipher
    async with services.vault.grants.engine.begin() as connection:
        values = {"url": "https://x.example", "secret": b"", "events": [], "created_at": catflap.clock.now()}
        made = await connection.scalar(webhooks.insert().values(values).returning(webhooks.c.id))
        sealed = cipher.encrypt("whsec_x", secret_associated_data(made))
        await connection.execute(update(webhooks).values(secret=sealed))
    _keyset(catflap).unlink()
    await _refuses_to_start(catflap, "keyset_missing")


async def test_a_running_process_goes_on_with_its_keys_when_the_file_is_lost_or_broken(
    catflap: RunningApp, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = await catflap.browser()
    await browser.sign_in()
    user_id, key = (await browser.me())["user_id"], await catflap.api_key("tokens")
    good = KeysetFile(_keyset(catflap)).read()
    for damage in (lambda: _keyset(catflap).unlink(), lambda: _keyset(catflap).write_text("{")):
        damage()
        for _ in range(2):
            answer = await catflap.client.get(f"/v1/users/{user_id}/google/token", headers=key)
            assert answer.status_code == 200
        said = capsys.readouterr()
        assert (said.out + said.err).count("keyset_reload_failed") == 1
        KeysetFile(_keyset(catflap)).write(good)
        await catflap.client.get(f"/v1/users/{user_id}/google/token", headers=key)
        assert "keyset_reloaded" in "".join(capsys.readouterr())


async def test_two_machines_with_different_keyset_files_are_detected(
    catflap: RunningApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _machine(catflap, tmp_path / "second") as (second, http):
        # Nothing is sealed yet, so neither can know of the other.
        assert (await http.get("/readyz")).status_code == 200
        browser = await catflap.browser()
        await browser.sign_in()
        user_id, key = (await browser.me())["user_id"], await catflap.api_key("tokens")
        for _ in range(3):
            ready = await http.get("/readyz")
            assert (ready.status_code, ready.json()["code"]) == (503, "keyset_lacks_key")
            answer = await http.get(f"/v1/users/{user_id}/google/token", headers=key)
            assert (answer.status_code, answer.json()["code"]) == (503, "keyset_lacks_key")
        assert "".join(capsys.readouterr()).count("keyset_lacks_key") == 1
        assert (await catflap.client.get("/readyz")).status_code == 200
        await _refuses_to_start(catflap, "keyset_lacks_key", data_dir=tmp_path / "second")
        KeysetFile(tmp_path / "second" / FILE).write(KeysetFile(_keyset(catflap)).read())
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get(f"/v1/users/{user_id}/google/token", headers=key)).status_code == 200
        assert not await missing_keys(
            second.services.vault.grants.engine, second.services.vault.grants.cipher
        )
        assert "keyset_completed" in "".join(capsys.readouterr())


async def test_an_access_token_of_an_unknown_key_is_fetched_anew(
    vault: Vault, grant_consent: GrantConsent, vault_engine: AsyncEngine, tmp_path: Path
) -> None:
    grant = await grant_consent()
    other = TokenCipher(load_keyset(tmp_path / "other.json"))
    sealed = other.encrypt("another's", AssociatedData(grant.id, grant.user_id, "access_token"))
    async with vault_engine.begin() as connection:
        await connection.execute(update(google_tokens).values(access_token=sealed))
    assert (await vault.access_token(grant.user_id)).token != "another's"


async def test_after_accepting_the_loss_a_new_consent_heals(catflap: RunningApp, tmp_path: Path) -> None:
    browser = await catflap.browser()
    await browser.sign_in()
    me = await browser.me()
    key = await catflap.api_key("tokens")
    KeysetFile(_keyset(catflap)).write(load_keyset(tmp_path / "new.json").source.read())
    grants = catflap.catflap.services.vault.grants
    assert await KeysetAdoption(grants).count_lost() == (1, 0)
    assert (await KeysetAdoption(grants).adopt()).refresh_tokens == 1
    assert (await KeysetAdoption(grants).adopt()).refresh_tokens == 0
    (grant,) = (await browser.me())["grants"]
    assert (grant["state"], grant["reason"]) == ("reconsent", "keyset_lost")
    answer = await catflap.client.get(f"/v1/users/{me['user_id']}/google/token", headers=key)
    assert (answer.status_code, answer.json()["reason"]) == (409, "keyset_lost")
    async with open_catflap(_settings(catflap), catflap.clock):
        pass
    # Google remembers the first consent and sends a refresh token only when it is asked for one.
    await browser.sign_in()
    (grant,) = (await browser.me())["grants"]
    assert (grant["state"], grant["reason"]) == ("active", None)
    answer = await catflap.client.get(f"/v1/users/{me['user_id']}/google/token", headers=key)
    assert answer.status_code == 200


async def test_signing_in_again_heals_a_token_that_can_not_be_opened_without_any_command(
    catflap: RunningApp, tmp_path: Path
) -> None:
    browser = await catflap.browser()
    await browser.sign_in()
    KeysetFile(_keyset(catflap)).write(load_keyset(tmp_path / "new.json").source.read())
    await catflap.rows("UPDATE vault.google_tokens SET access_token = NULL")
    again = await catflap.browser()
    await again.sign_in()
    user_id, key = (await again.me())["user_id"], await catflap.api_key("tokens")
    answer = await catflap.client.get(f"/v1/users/{user_id}/google/token", headers=key)
    assert answer.status_code == 200
    assert (await catflap.client.get("/readyz")).status_code == 200
    assert [one["account"] for one in (await again.me())["grants"]] == [catflap.sandbox.account(ALICE).sub]


async def test_a_refresh_token_that_does_not_decrypt_is_not_alive(
    grants: Grants, user_id: int, clock: FixedClock, tmp_path: Path
) -> None:
    await grants.store(user_id, "sub", _answer())
    other = Grants(grants.engine, TokenCipher(load_keyset(tmp_path / "other.json")), clock, CLIENT_ID)
    assert await other.store(user_id, "sub", _answer(None)) is None
    kept = await other.store(user_id, "sub", _answer("fresh"))
    assert kept is not None and other.open_refresh_token(kept) == "fresh" and len(kept.tokens) == 1


async def test_a_changed_refresh_token_asks_for_a_new_consent_instead_of_failing_for_ever(
    vault: Vault, grant_consent: GrantConsent, vault_engine: AsyncEngine
) -> None:
    grant = await grant_consent()
    async with vault_engine.begin() as connection:
        changed = "UPDATE vault.google_tokens SET refresh_token = set_byte(refresh_token, 20, 7)"
        await connection.execute(text(f"{changed}, access_token = NULL"))
    with pytest.raises(UserMustAct, match="reconsent_required"):
        await vault.access_token(grant.user_id)
    (answer,) = await vault.grants.of_user(grant.user_id)
    assert (answer.state, answer.reason) == ("reconsent", "seal_broken")
    healed = await grant_consent(again=True)
    assert healed.state == "active" and (await vault.access_token(grant.user_id)).token


async def test_a_lost_webhook_secret_is_replaced_and_shown_once(
    grants: Grants, clock: FixedClock, http: httpx2.AsyncClient, keyset_file: Path, tmp_path: Path
) -> None:
    async with grants.engine.begin() as connection:
        values = {"url": "https://x.example", "secret": b"", "events": [], "created_at": clock.now()}
        made = await connection.scalar(webhooks.insert().values(values).returning(webhooks.c.id))
        lost = TokenCipher(load_keyset(tmp_path / "lost.json")).encrypt(
            "whsec_lost", secret_associated_data(made)
        )
        await connection.execute(update(webhooks).values(secret=lost))
    adopted = await KeysetAdoption(grants).adopt()
    ((number, url, secret),) = adopted.webhooks
    assert (number, url) == (made, "https://x.example") and secret.startswith("whsec_")
    (hook,) = await Webhooks(grants.engine, grants.cipher, clock, http).all()
    assert grants.cipher.decrypt(hook._secret, secret_associated_data(hook.id)) == secret
    assert secret not in repr(adopted) and (await KeysetAdoption(grants).adopt()).webhooks == ()


async def test_the_keys_in_use_are_read_from_an_index_for_any_number_of_values(
    grants: Grants, vault_engine: AsyncEngine, user_id: int
) -> None:
    kept = await grants.store(user_id, "sub", _answer())
    assert kept is not None and kept.default._refresh_token is not None
    filled = text(
        "INSERT INTO vault.google_tokens (supplements, user_id, account_sub, client_id, refresh_token, "
        "access_token, scopes, state, version, failures, created_at, updated_at) "
        "SELECT id, user_id, account_sub, client_id, refresh_token, access_token, scopes, state, 0, 0, "
        "created_at, updated_at FROM vault.google_tokens, generate_series(1, 5000)"
    )
    async with vault_engine.begin() as connection:
        await connection.execute(filled)
    assert await keys_in_use(vault_engine) == {key_id(kept.default._refresh_token)}
    async with vault_engine.begin() as connection:
        for column in ("refresh_token", "access_token"):
            query = _KEYS.format(column=column, table="google_tokens")
            plan = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
            assert "Seq Scan on google_tokens" not in plan, plan


@pytest.mark.parametrize("change", ["DISABLED", "RAW"])
async def test_a_keyset_whose_values_do_not_name_their_key_is_refused(
    keyset_file: Path, vault_engine: AsyncEngine, change: str
) -> None:
    keyset = json.loads(load_keyset(keyset_file).source.read())
    name = "status" if change == "DISABLED" else "outputPrefixType"
    keyset["key"][0][name] = change
    KeysetFile(keyset_file).write(json.dumps(keyset))
    with pytest.raises(OperatorMustAct) as caught:
        await open_cipher(KeysetFile(keyset_file), vault_engine)
    assert caught.value.code == "keyset_unreadable"
