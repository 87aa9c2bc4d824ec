"""The page of the HTTP API, from the OpenAPI document: operations by their tags, then models."""

import json
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from catflap.settings import Settings
from catflap.web.app import create_app
from catflap.web.services import Services
from docsite.markdown import code, table

INTRODUCTION = """# HTTP API

Made from `/openapi.json`, which each running Catflap serves. [The HTTP API](../api.md) tells how to
authenticate, how to generate a client and how errors look; any operation can also answer 413, 500 and 503.

"""
# What any operation can answer, said once above.
_ALWAYS = {"413", "4XX", "500", "503"}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document with all routes, without an application that runs."""
    services = cast(Services, SimpleNamespace(settings=Settings(calendars=True)))
    return create_app(services).openapi()


def page() -> str:
    """Return the page in Markdown."""
    found = document()
    parts = [INTRODUCTION]
    for tag in found["tags"]:
        operations = list(_operations(found, tag["name"]))
        if operations:
            parts += [f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n", *operations]
    parts.append("## Models\n\n")
    parts += [_model(name, model) for name, model in sorted(found["components"]["schemas"].items())]
    return "".join(parts)


def _operations(found: dict[str, Any], tag: str) -> Iterator[str]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            if tag in operation.get("tags", ()):
                yield _operation(method.upper(), path, operation)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    allowed = [code(name) for scheme in operation.get("security", ()) for name in scheme]
    who = f"Who: {', '.join(allowed)}. " if allowed else "Who: anybody. "
    parameters = [
        (code(one["name"]), one["in"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    return (
        f"### {method} {path}\n\n**{operation['summary']}.** {operation['description']}\n\n"
        f"{who}Operation: {code(operation['operationId'])}. {_body(operation)}\n\n"
        + table(("parameter", "in", "type", "what it is"), parameters)
        + table(("answer", "body", "what it means"), _answers(operation))
    )


def _body(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    kinds = [f"{_type(one.get('schema', {}))} ({code(kind)})" for kind, one in content.items()]
    return f"Body: {', '.join(kinds)}." if kinds else ""


def _answers(operation: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, answer in operation["responses"].items():
        if status not in _ALWAYS:
            content = answer.get("content", {})
            kinds = [_type(one.get("schema", {})) or code(kind) for kind, one in content.items()]
            yield status, ", ".join(dict.fromkeys(kinds)), answer["description"]


def _model(name: str, model: dict[str, Any]) -> str:
    needed = model.get("required", ())
    rows = [
        (code(member), _type(one), "yes" if member in needed else "", one.get("description", ""))
        for member, one in model.get("properties", {}).items()
    ]
    text = model.get("description", "")
    return f"### {name}\n\n{text}\n\n" + table(("member", "type", "required", "what it is"), rows)


def _type(schema: dict[str, Any]) -> str:
    """Return what a schema allows, with a link where it is a model."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(filter(None, map(_type, schema["anyOf"])))
    if "enum" in schema or "const" in schema:
        return ", ".join(code(json.dumps(one)) for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    found = " or ".join(schema["type"]) if isinstance(schema.get("type"), list) else schema.get("type", "")
    return f"{found} ({schema['format']})" if "format" in schema else found
