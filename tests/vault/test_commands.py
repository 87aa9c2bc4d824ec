"""The operator's commands, run as processes."""

import asyncio
import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import FixedClock, SystemClock
from catflap.store.database import Urls
from catflap.store.tables import users
from catflap.store.vault_tables import google_tokens
from catflap.vault import Grants, load_keyset
from catflap.vault.api_keys import ApiKeys
from catflap.vault.keyset import KeysetFile
from tests.support.processes import run_command
from tests.vault.conftest import CLIENT_ID, CLIENT_SECRET, Google, GrantConsent

pytestmark = pytest.mark.slow


@pytest.fixture
def clock() -> SystemClock:
    """Commands run on the machine's clock, so their Google must too."""
    return SystemClock()


@pytest.fixture
def keyset_file(tmp_path: Path) -> Path:
    """Where `catflap` itself keeps it."""
    (tmp_path / "secrets").mkdir()
    return tmp_path / "secrets" / "vault-keyset.json"


@dataclass
class Shell:
    """Runs `catflap` with the settings of this test."""

    environment: dict[str, str]

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(run_command, *arguments, cwd=Path.cwd(), environment=self.environment)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def catflap(google: Google, database_urls: Urls, tmp_path: Path) -> Shell:
    """`catflap`, on the test's database and before its sandbox."""
    return Shell(
        {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("CATFLAP_", "GOOGLE_"))
            },
            "CATFLAP_DATA_DIR": str(tmp_path),
            "CATFLAP_DATABASE_URL": database_urls.app.render_as_string(hide_password=False),
            "CATFLAP_VAULT_DATABASE_URL": database_urls.vault.render_as_string(hide_password=False),
            "CATFLAP_GOOGLE_DISCOVERY_URL": google.discovery_url,
            "CATFLAP_GOOGLE_API_URL": google.url,
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        }
    )


def _refresh_token(google: Google, email: str) -> str:
    google.sandbox.add_account(email)
    scopes = ["openid", "email", "https://www.googleapis.com/auth/calendar.events"]
    return google.sandbox.grant(email, CLIENT_ID, scopes)["refresh_token"]


async def test_refresh_tokens_are_imported_from_csv_json_and_sql_and_again_without_harm(
    catflap: Shell, google: Google, tmp_path: Path, grants: Grants, engine: AsyncEngine
) -> None:
    tokens = [_refresh_token(google, f"person{n}@example.com") for n in range(3)]
    csv = tmp_path / "tokens.csv"
    csv.write_text(f"user_id,refresh_token\n17,{tokens[0]}\n18,1//dead\n")
    code, out, error = await catflap("import", str(csv))
    assert code == 0, error
    assert out.splitlines() == ["1\t17\timported", "2\t18\tdead"]

    (tmp_path / "tokens.json").write_text(json.dumps([{"user_id": 19, "refresh_token": tokens[1]}]))
    code, out, _ = await catflap("import", str(tmp_path / "tokens.json"))
    assert (code, out) == (0, "1\t19\timported\n")

    with sqlite3.connect(tmp_path / "app.db") as database:
        database.execute("CREATE TABLE google_calendar_tokens (user_id INTEGER, refresh_token TEXT)")
        rows = [(17, tokens[0]), (20, tokens[2])]
        database.executemany("INSERT INTO google_calendar_tokens VALUES (?, ?)", rows)
    database.close()
    query = "SELECT user_id, refresh_token FROM google_calendar_tokens"
    code, out, _ = await catflap("import", "--from", f"sqlite:///{tmp_path / 'app.db'}", "--sql", query)
    assert (code, out) == (0, "1\t17\there already\n2\t20\timported\n")
    assert google.refreshes() == 4

    async with engine.connect() as connection:
        rows_of_users = await connection.execute(select(users.c.external_id, users.c.id))
        known = {row.external_id: row.id for row in rows_of_users}
    (grant,) = await grants.of_user(known["17"])
    assert grant.account_sub == google.sandbox.add_account("person0@example.com").sub
    assert grants.open_refresh_token(grant) == tokens[0]
    assert not any(token in out + error for token in tokens)


@pytest.mark.parametrize("text", ["", "user,token\n1,x\n", "user_id,refresh_token\n1,\n"])
async def test_a_file_that_can_not_be_imported_says_what_it_needs(
    catflap: Shell, tmp_path: Path, text: str
) -> None:
    (tmp_path / "tokens.json").write_text(text)
    code, _, error = await catflap("import", str(tmp_path / "tokens.json"))
    assert code == 2 and "each row needs user_id and refresh_token" in error


async def test_a_file_that_is_not_there_is_called_missing(catflap: Shell, tmp_path: Path) -> None:
    code, _, error = await catflap("import", str(tmp_path / "missing.csv"))
    assert code == 2 and f"Can't read {tmp_path / 'missing.csv'}: No such file or directory." in error


async def test_keys_are_rotated_and_listed(
    catflap: Shell, grant_consent: GrantConsent, grants: Grants, keyset_file: Path
) -> None:
    grant = await grant_consent()
    code, out, error = await catflap("keys", "rotate")
    assert code == 0 and "2 values sealed anew" in out, error
    keyset = load_keyset(keyset_file)
    environment = {**catflap.environment, "CATFLAP_VAULT_KEYSET": keyset.source.read()}
    code, out, _ = await Shell(environment)("keys", "list")
    assert code == 0 and f"{keyset.primary}  seals  2 values" in out
    code, _, error = await Shell(environment)("keys", "rotate")
    assert code == 3 and "catflap keys add" in error
    code, added, _ = await Shell(environment)("keys", "add")
    environment["CATFLAP_VAULT_KEYSET"] = added
    assert (await Shell(environment)("keys", "retire"))[0] == 2
    assert "2 values" in (await Shell(environment)("keys", "reseal"))[1]
    code, retired, _ = await Shell(environment)("keys", "retire")
    assert code == 0 and len(json.loads(retired)["key"]) == 1
    KeysetFile(keyset_file).write(retired)
    (kept,) = await grants.of_user(grant.user_id)
    assert grants.open_refresh_token(kept)


async def test_api_keys_are_made_listed_and_revoked(
    catflap: Shell, vault_engine: AsyncEngine, clock: FixedClock
) -> None:
    code, secret, error = await catflap("apikeys", "create", "shop", "--right", "tokens", "--user", "17")
    assert code == 0 and secret.startswith("catflap_"), error
    keys = ApiKeys(vault_engine, clock)
    key = await keys.find(secret.strip())
    assert key is not None and key.user_ids == {17}
    assert "shop" in (await catflap("apikeys", "list"))[1]
    assert secret.strip() not in (await catflap("apikeys", "list"))[1]
    assert (await catflap("apikeys", "revoke", str(key.id)))[0] == 0
    assert await ApiKeys(vault_engine, clock).find(secret.strip()) is None
    assert (await catflap("apikeys", "create", "shop", "--right", "everything"))[0] == 2


async def test_the_stream_of_security_events_is_registered(
    catflap: Shell, google: Google, tmp_path: Path
) -> None:
    account = tmp_path / "account.json"
    account.write_text(json.dumps(google.sandbox.add_service_account()))
    catflap.environment["CATFLAP_PUBLIC_URL"] = "https://catflap.example.com"
    code, out, error = await catflap("risc", "register", "--service-account", str(account))
    assert code == 0 and "https://catflap.example.com/google/risc" in out, error
    stream = google.sandbox.state.streams.by_project["demo"]
    assert stream.url == "https://catflap.example.com/google/risc" and len(stream.events) == 7
    account.write_text("{}")
    assert (await catflap("risc", "register", "--service-account", str(account)))[0] == 3


async def test_a_webhook_inside_our_own_network_is_refused(catflap: Shell, vault_engine: AsyncEngine) -> None:
    code, _, error = await catflap("webhooks", "add", "https://127.0.0.1/x")
    assert code == 2 and "public internet" in error
    assert (await catflap("webhooks", "list"))[:2] == (0, "")
    async with vault_engine.connect() as connection:
        assert (await connection.execute(select(google_tokens))).all() == []


async def test_a_lost_keyset_is_given_up_only_with_the_option(
    catflap: Shell, grant_consent: GrantConsent, grants: Grants, keyset_file: Path
) -> None:
    grant = await grant_consent()
    await asyncio.to_thread(keyset_file.unlink)
    for command in (("list",), ("reseal",), ("adopt",)):
        code, _, error = await catflap("keys", *command)
        assert code == 3 and "catflap keys adopt --accept-lost-grants" in error
        assert not KeysetFile(keyset_file).exists()
    load_keyset(keyset_file)
    code, _, error = await catflap("keys", "adopt")
    assert code == 2 and "1 grants" in error
    code, out, _ = await catflap("keys", "adopt", "--accept-lost-grants")
    assert code == 0 and out.startswith("Grants given up, which ask for a new consent: 1")
    (given_up,) = await grants.of_user(grant.user_id)
    assert (given_up.state, given_up.reason) == ("reconsent", "keyset_lost")
    assert (await catflap("keys", "rotate"))[0] == 0
