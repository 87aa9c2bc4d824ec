"""Compare answers of a running Catflap with its OpenAPI document: status, content type, body, error code."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import jsonschema
from fastapi import FastAPI

PROBLEM = "application/problem+json"


class NotDeclared(AssertionError):
    """An answer that the OpenAPI document does not describe."""


class Conformance:
    """Checks answers against a document; `hook` is for the `response` event hooks of an HTTP client."""

    def __init__(self, document: Mapping[str, Any], origin: str = "") -> None:
        self._origin = origin
        self._components = _closed(document["components"])
        self._validators: dict[tuple[str, str], jsonschema.Draft202012Validator] = {}
        # Fixed paths come before those with parameters, and the longest before the others.
        paths = sorted(document["paths"].items(), key=lambda item: (item[0].count("{"), -len(item[0])))
        self._paths = [(_pattern(path), path, operations) for path, operations in paths]

    def at(self, origin: str) -> "Conformance":
        """Return the same checks for answers of `origin` only."""
        found = copy.copy(self)
        found._origin = origin
        return found

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        """Return path template and operation of a request, or None for one that is not in the document."""
        for pattern, template, operations in self._paths:
            if pattern.fullmatch(path):
                return (template, operations[method.lower()]) if method.lower() in operations else None
        return None

    async def hook(self, response: httpx2.Response) -> None:
        """Check `response`, unless it is somebody else's or a stream.

        Raises:
            NotDeclared: as `check`.
        """
        request = response.request
        if not str(request.url).startswith(self._origin):
            return
        body = await response.aread() if "json" in response.headers.get("Content-Type", "") else b""
        path = request.url.raw_path.decode().partition("?")[0]
        self.check(request.method, path, response.status_code, response.headers.get("Content-Type"), body)

    def check(self, method: str, path: str, status: int, content_type: str | None, body: bytes) -> None:
        """Check one answer.

        Raises:
            NotDeclared: its status, its content type, its body or its code is not in the document.
        """
        found = self.operation(method, path)
        # With a `default`, it is Google's answer or not ours to describe.
        if found is None or "default" in found[1]["responses"]:
            return
        template, operation = found
        where = f"{method} {template} answered {status}"
        declared = operation["responses"].get(str(status))
        if declared is None:
            raise NotDeclared(f"{where}: {body[:300]!r}")
        media_type = (content_type or "").partition(";")[0]
        content = declared.get("content", {})
        if bool(content) != bool(media_type) or (content and media_type not in content):
            raise NotDeclared(f"{where} as {media_type or 'nothing'}")
        if "json" not in media_type:
            return
        self._check_body(where, media_type, content[media_type], body)

    def _check_body(self, where: str, media_type: str, media: dict[str, Any], body: bytes) -> None:
        answer = json.loads(body)
        if (where, media_type) not in self._validators:
            self._validators[where, media_type] = self._validator(media["schema"])
        for error in self._validators[where, media_type].iter_errors(answer):
            raise NotDeclared(f"{where}: {error.json_path}: {error.message}")
        codes = media.get("examples")
        if codes is not None and answer["code"] not in codes:
            raise NotDeclared(f"{where} with the code {answer['code']}")

    def _validator(self, schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
        kind = jsonschema.Draft202012Validator
        return kind({**schema, "components": self._components}, format_checker=kind.FORMAT_CHECKER)


def conformance(web: FastAPI, origin: str) -> Conformance:
    """Return the checks for an application at `origin`; the first one's document serves for all of them."""
    if not _FIRST:
        _FIRST.append(Conformance(web.openapi()))
    return _FIRST[0].at(origin)


_FIRST: list[Conformance] = []


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation."""
    for path, found in document["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def _pattern(path: str) -> re.Pattern[str]:
    services = re.split(r"({\w+})", path)
    wild = {"{path}": ".*"}
    return re.compile("".join(wild.get(p, "[^/]+") if p.startswith("{") else re.escape(p) for p in services))


def _closed(components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the components with undeclared members forbidden: clients ignore them, tests don't."""
    closed = copy.deepcopy(dict(components))
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
