"""A Home Assistant for tests, on a real socket: states, services and templates of its REST API, and faults.

Its answers are those of Home Assistant 2024.3.3; `tests/devices/test_real_home_assistant.py` asks that one.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

TOKEN = "eyJ.a-made-up.token"
PLAYER, PLAIN, SATELLITE = "media_player.kitchen", "media_player.old_radio", "assist_satellite.hall"
REST = "input_boolean.children_asleep"
_PLAYS, _ANNOUNCES = 512, 1 << 20
_SERVICES = {
    "media_player/play_media": {"media_content_id", "media_content_type"},
    "media_player/volume_set": {"volume_level"},
    "assist_satellite/announce": {"media_id"},
}
Answer = tuple[int, Any]


@dataclass
class FakeHomeAssistant:
    """What there is, what was asked for, and how it misbehaves.

    Attributes:
        states: Of each entity, its state and attributes.
        calls: The services that were called, with their data.
        token: Who asks with another gets 401.
        starting: Whether it has not started yet.
        administrator: Whether the token may ask for templates.
        failing: The status of answers to services, if another than 200.
        silent: While it is set, services are begun and not answered.
        called: Set at each call of a service.
        close: Ends all connections, and takes no more.
    """

    url: str = ""
    states: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    token: str = TOKEN
    starting: bool = False
    administrator: bool = True
    failing: int = 200
    silent: set[str] = field(default_factory=set)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    close: Callable[[], Awaitable[None]] = field(init=False)

    def __post_init__(self) -> None:
        self.states |= {
            PLAYER: ("playing", _attributes("Kitchen", _PLAYS | _ANNOUNCES, volume_level=0.25)),
            PLAIN: ("off", _attributes("Old radio", _PLAYS)),
            SATELLITE: ("idle", _attributes("Hall", 1)),
            "media_player.remote_control": ("off", _attributes("Not for sounds", 0)),
            "light.kitchen": ("on", _attributes("Lamp", 0)),
            REST: ("off", {"editable": True, "friendly_name": "Children asleep"}),
        }

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that name it."""
        return {"home_assistant_url": self.url, "home_assistant_token": SecretStr(self.token)}

    def set(self, entity: str, state: str) -> None:
        """Change the state of an entity."""
        self.states[entity] = (state, self.states[entity][1])

    def called_with(self, service: str) -> list[dict[str, Any]]:
        """Return the data of the calls of a service."""
        return [data for name, data in self.calls if name == service]

    async def until_called(self, times: int) -> None:
        """Wait until services were called so often."""
        while len(self.calls) < times:
            self.called.clear()
            await self.called.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split()
                self.paths.append(path)
                status, content = 401, "401: Unauthorized"
                if headers.get("authorization") == f"Bearer {self.token}":
                    status, content = await self._answer(method, path, body)
                encoded = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(encoded)}\r\n\r\n"
                writer.write(head.encode() + encoded)
                await writer.drain()

    async def _answer(self, method: str, path: str, body: bytes) -> Answer:
        states = {} if self.starting else self.states
        match method, path.strip("/").split("/"):
            case "GET", ["api", "config"]:
                return 200, {"state": "NOT_RUNNING" if self.starting else "RUNNING"}
            case "GET", ["api", "states"]:
                return 200, [_state(entity, *states[entity]) for entity in states]
            case "GET", ["api", "states", entity]:
                if entity not in states:
                    return 404, {"message": "Entity not found."}
                return 200, _state(entity, *states[entity])
            case "POST", ["api", "template"]:
                entities = json.loads(body)["variables"]["entities"]
                rooms = ["Kitchen" if entity == PLAYER else "" for entity in entities]
                return (200, json.dumps(rooms)) if self.administrator else (401, "401: Unauthorized")
            case "POST", ["api", "services", domain, service]:
                return await self._call(f"{domain}/{service}", json.loads(body))
        return 404, "404: Not Found"

    async def _call(self, service: str, data: dict[str, Any]) -> Answer:
        if service not in _SERVICES or not _SERVICES[service] <= data.keys():
            return 400, "400: Bad Request"
        self.calls.append((service, data))
        self.called.set()
        if data["entity_id"] in self.silent:
            await asyncio.Event().wait()
        if self.failing != 200:
            return self.failing, "500 Internal Server Error\n\nServer got itself in trouble"
        if service == "media_player/volume_set":
            self.states[data["entity_id"]][1]["volume_level"] = data["volume_level"]
        return 200, []


@asynccontextmanager
async def fake_home_assistant(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeHomeAssistant]:
    """Serve on a free port of this machine; with `tls`, as `localhost`."""
    made, serving = FakeHomeAssistant(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)

    async def close() -> None:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    made.close = close
    port = server.sockets[0].getsockname()[1]
    made.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield made
    finally:
        await close()


def _attributes(name: str, features: int, **more: Any) -> dict[str, Any]:
    return {"friendly_name": name, "supported_features": features, **more}


def _state(entity: str, state: str, attributes: dict[str, Any]) -> dict[str, Any]:
    context = {"id": "01M8MAPJ13MWQBPNETY5607G9J", "parent_id": None, "user_id": None}
    at = "2026-11-29T18:57:23.491822+00:00"
    return {
        "entity_id": entity,
        "state": state,
        "attributes": attributes,
        "last_changed": at,
        "last_updated": at,
        "context": context,
    }
