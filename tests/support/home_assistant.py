"""A real Home Assistant in an environment of its own, which `make home-assistant` installs."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr

from catflap.devices.channels.home_assistant_api import EntityState, HomeAssistantApi, home_assistant_client
from catflap.devices.channels.mosquitto import HOME_ASSISTANT_USER
from catflap.errors import CatflapError
from catflap.settings import Settings
from tests.support.mosquitto import HOME_ASSISTANT, free_port

_ROOT = Path(__file__).parents[2]
_HASS = _ROOT / ".venv-home-assistant" / "bin" / "hass"
_KEY, _PAST = "k" * 64, "2026-01-01T00:00:00+00:00"
needs_home_assistant = pytest.mark.skipif(
    not _HASS.exists(), reason="NO REAL HOME ASSISTANT: `make home-assistant` installs it (600 MB)"
)
_CONFIGURATION = """
homeassistant:
  name: Home
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
media_player:
  - platform: loudspeaker
input_boolean:
  children_asleep:
    name: Children asleep
"""


@dataclass
class HomeAssistant:
    """A Home Assistant that runs."""

    url: str
    token: str
    api: HomeAssistantApi
    log: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that name it."""
        return {"home_assistant_url": self.url, "home_assistant_token": SecretStr(self.token)}

    async def until(self, entity: str, met: Callable[[EntityState], bool]) -> EntityState:
        """Wait until the state of an entity is so, and return it."""
        found: EntityState | None = None
        try:
            async with asyncio.timeout(60):
                while True:
                    found = await self.api.state(entity)
                    if found is not None and met(found):
                        return found
                    await asyncio.sleep(0.2)
        except TimeoutError:
            known = sorted(one.entity for one in await self.api.states())
            raise AssertionError(f"{entity}: {found}; there are {known}") from None


@asynccontextmanager
async def running_home_assistant(
    folder: Path, broker_port: int | None = None
) -> AsyncIterator[HomeAssistant]:
    """Start one with a media player, and with the broker of a test; end it at last."""
    port = free_port()
    await asyncio.to_thread(_configure, folder, port, broker_port)
    log = folder / "output.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(_HASS), "-c", str(folder), "--skip-pip", stdout=output, stderr=output
        )
    url, token = f"http://127.0.0.1:{port}", _token()
    try:
        async with home_assistant_client(Settings.read()) as http:
            made = HomeAssistant(url, token, HomeAssistantApi(http, url, SecretStr(token)), log)
            await _started(made, process)
            yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _started(home: HomeAssistant, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                await home.api.check_running()
                return
            except CatflapError:
                assert process.returncode is None, home.log.read_text()
                await asyncio.sleep(0.2)


def _configure(folder: Path, port: int, broker_port: int | None) -> None:
    """Write what its first pages would ask for, with a token, and the integration of MQTT."""
    (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=port))
    shutil.copytree(_ROOT / "tests" / "support" / "loudspeaker", folder / "custom_components" / "loudspeaker")
    user = {"id": "u", "group_ids": ["system-admin"], "is_owner": True, "is_active": True, "name": "Owner"}
    token = {
        "id": "t",
        "user_id": "u",
        "client_id": None,
        "client_name": "Catflap",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": _PAST,
        "access_token_expiration": 315_360_000.0,
        "token": "t" * 128,
        "jwt_key": _KEY,
        "last_used_at": None,
        "last_used_ip": None,
    }
    groups = [{"id": f"system-{name}", "name": name} for name in ("admin", "users", "read-only")]
    users = [{**user, "system_generated": False, "local_only": False}]
    _store(folder, "auth", {"users": users, "groups": groups, "credentials": [], "refresh_tokens": [token]})
    _store(folder, "onboarding", {"done": ["user", "core_config", "analytics", "integration"]}, version=4)
    if broker_port is not None:
        login = {"broker": "localhost", "port": broker_port}
        login |= {"username": HOME_ASSISTANT_USER, "password": HOME_ASSISTANT}
        entry = {
            "entry_id": "m",
            "version": 1,
            "minor_version": 1,
            "domain": "mqtt",
            "title": "Mosquitto",
            "data": {**login, "discovery": True, "discovery_prefix": "homeassistant"},
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
        }
        _store(folder, "core.config_entries", {"entries": [entry]}, minor=2)


def _store(folder: Path, key: str, data: dict[str, Any], *, version: int = 1, minor: int = 1) -> None:
    (folder / ".storage").mkdir(exist_ok=True)
    content = {"version": version, "minor_version": minor, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(content))


def _token() -> str:
    now = int(time.time())
    claims = {"iss": "t", "iat": now - 60, "exp": now + 3600}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(_KEY))
