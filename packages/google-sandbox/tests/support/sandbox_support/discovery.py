"""Every JSON response is held against the discovery documents that ship inside google-api-python-client."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Observed in answers, missing from the documents.
UNDOCUMENTED = {"Tokeninfo": {"access_type": {"type": "string"}}}
APIS = {"calendar.v3": "/calendar/v3/", "drive.v3": "/drive/v3/", "oauth2.v2": "/", "people.v1": "/"}
ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "errors"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["domain", "reason", "message"],
                        "properties": {
                            n: {"type": "string"}
                            for n in ("domain", "reason", "message", "locationType", "location")
                        },
                        "additionalProperties": False,
                    },
                },
            },
        }
    },
}


@cache
def document(name: str) -> dict[str, Any]:
    return json.loads(
        files("googleapiclient").joinpath(f"discovery_cache/documents/{name}.json").read_text("utf-8")
    )


def closed(schema: Any) -> Any:
    """Turn a discovery schema into a JSON schema that allows no field Google does not have."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {k: closed(v) for k, v in schema.items() if k in ("properties", "items", "additionalProperties")}
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref']}"}
    if schema.get("type") not in (None, "any"):
        turned["type"] = schema["type"]
    if "properties" in turned:
        turned.setdefault("additionalProperties", False)
        turned["properties"] = {k: closed(v) for k, v in schema["properties"].items()}
    return turned


@cache
def validators() -> list[tuple[str, re.Pattern[str], str, jsonschema.Draft7Validator | None]]:
    found = []
    for name, prefix in APIS.items():
        definitions = {key: closed(schema) for key, schema in document(name)["schemas"].items()}
        for key, extra in UNDOCUMENTED.items():
            if key in definitions:
                definitions[key]["properties"].update(extra)
        for method in methods(document(name)):
            path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(prefix + method.get("flatPath", method["path"])))
            ref = method.get("response", {}).get("$ref")
            schema = {"$ref": f"#/definitions/{ref}", "definitions": definitions} if ref else None
            found.append(
                (
                    method["httpMethod"],
                    re.compile(path),
                    method["id"],
                    schema and jsonschema.Draft7Validator(schema),
                )
            )
    return found


def methods(node: dict[str, Any]) -> list[dict[str, Any]]:
    own = list(node.get("methods", {}).values())
    return own + [method for child in node.get("resources", {}).values() for method in methods(child)]


def complaints(
    method: str, path: str, query: bytes, status: int, content_type: str, body: bytes
) -> list[str]:
    """Return what is wrong with a response, nothing if all is well."""
    if not body or "json" not in content_type or b"alt=media" in query:
        return []
    value = json.loads(body)
    if status >= 400:
        if path.startswith(("/calendar/", "/drive/", "/upload/")):
            return [e.message for e in jsonschema.Draft7Validator(ERROR).iter_errors(value)]
        return (
            [] if path.startswith("/sandbox/") or isinstance(value.get("error"), str | dict) else ["no error"]
        )
    path = path.removeprefix("/upload")
    for http_method, pattern, name, validator in validators():
        if http_method == method and pattern.fullmatch(path) and validator:
            return [f"{name}: {list(e.path)} {e.message[:300]}" for e in validator.iter_errors(value)]
    return []


class Validating:
    """Passes requests on and remembers what was wrong with the responses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.complaints: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, content_type, body = 0, "", b""

        async def hear(message: Message) -> None:
            nonlocal status, content_type, body
            if message["type"] == "http.response.start":
                status = message["status"]
                content_type = dict(message["headers"]).get(b"content-type", b"").decode()
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
            await send(message)

        await self.app(scope, receive, hear)
        if scope["type"] == "http" and status and "garbled" not in content_type:
            wrong = complaints(
                scope["method"], scope["path"], scope["query_string"], status, content_type, body
            )
            self.complaints += [f"{scope['method']} {scope['path']} {status}: {text}" for text in wrong]
            if status >= 500 and b"backendError" not in body and b"error" not in body:
                self.complaints.append(f"{scope['method']} {scope['path']} answered {status}")
