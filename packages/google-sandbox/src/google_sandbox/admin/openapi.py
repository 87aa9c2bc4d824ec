"""The OpenAPI 3.1 description of the admin API, from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any

from google_sandbox.admin.json_values import json_schema
from google_sandbox.admin.operations import PREFIX, Operation, operations
from google_sandbox.app import Endpoint
from google_sandbox.request import Call
from google_sandbox.responses import json_response

_ERRORS = {
    "400": {"$ref": "#/components/responses/BadRequest"},
    "404": {"$ref": "#/components/responses/NotFound"},
}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "A sentence."}},
    "required": ["error"],
}
Schema = dict[str, Any]


def openapi(owner: type) -> Schema:
    """Return the description of a class's operations."""
    paths: dict[str, Schema] = {}
    for operation in operations(owner):
        for path in operation.paths:
            paths.setdefault(PREFIX + path, {})[operation.route.verb.lower()] = _operation(operation, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Google sandbox: admin API", "version": "1"},
        "paths": paths,
        "components": {
            "responses": {
                "BadRequest": {"description": "The request makes no sense.", "content": _json(_ERROR)},
                "NotFound": {"description": "What it names does not exist.", "content": _json(_ERROR)},
            }
        },
    }


def endpoint(owner: type) -> Endpoint:
    """Return the endpoint that serves the description."""
    return Endpoint(
        "admin.openapi", "GET", f"{PREFIX}openapi.json", lambda call: json_response(_served(owner, call))
    )


def _served(owner: type, call: Call) -> Schema:
    return {**openapi(owner), "servers": [{"url": call.base_url}]}


def summary_of(documentation: str) -> str:
    """Return the first line of a docstring."""
    return documentation.partition("\n")[0]


def argument_texts(documentation: str) -> dict[str, str]:
    """Return what the `Args` section of a docstring says, by parameter."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", documentation, re.M)
    texts: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \w)", "\n" + section.group(1)) if section else ():
        names, _, text = entry.partition(":")
        texts |= {name.strip(): " ".join(text.split()) for name in names.split(",") if text}
    return texts


def _operation(operation: Operation, path: str) -> Schema:
    texts = argument_texts(operation.documentation)
    prose = re.split(r"^(?:Args|Raises|Returns):$", operation.documentation, flags=re.M)[0]
    names = [name for name in operation.path_parameters if f"{{{name}}}" in path]
    shape: Schema = {
        "operationId": operation.name if path == operation.route.path else f"{operation.name}_all",
        "summary": summary_of(prose),
        "description": prose.strip(),
        "parameters": [_parameter(operation, name, "path", texts) for name in names],
        "responses": {
            "200": {"description": "Done.", "content": _json(_result(operation))},
            **_ERRORS,
        },
    }
    if operation.in_query:
        shape["parameters"] += [_parameter(operation, name, "query", texts) for name in operation.members]
    elif operation.raw_body:
        shape["requestBody"] = {
            "required": True,
            "content": {"text/calendar": {"schema": {"type": "string"}}},
        }
    else:
        body = _body(operation, texts)
        shape["requestBody"] = {"required": bool(body.get("required")), "content": _json(body)}
    return shape


def _parameter(operation: Operation, name: str, place: str, texts: dict[str, str]) -> Schema:
    parameter = operation.parameters[name]
    return {
        "name": name,
        "in": place,
        "required": place == "path" or parameter.default is inspect.Parameter.empty,
        "schema": json_schema(operation.hints[name]),
        **({"description": texts[name]} if name in texts else {}),
    }


def _body(operation: Operation, texts: dict[str, str]) -> Schema:
    if operation.route.body is not None:
        return json_schema(operation.hints[operation.route.body])
    other = operation.other_members
    return {
        "type": "object",
        "properties": {
            name: {
                **json_schema(operation.hints[name]),
                **({"description": texts[name]} if name in texts else {}),
                **_default(parameter.default),
            }
            for name, parameter in operation.members.items()
        },
        "required": [name for name, p in operation.members.items() if p.default is inspect.Parameter.empty],
        "additionalProperties": json_schema(operation.hints[other]) if other else False,
    }


def _default(default: Any) -> Schema:
    if default is inspect.Parameter.empty or default is None:
        return {}
    return {"default": list(default) if isinstance(default, tuple) else default}


def _result(operation: Operation) -> Schema:
    hint, name = operation.hints["return"], operation.route.result
    if name is not None:
        return {"type": "object", "properties": {name: json_schema(hint)}, "required": [name]}
    return {"type": "object"} if hint is type(None) else json_schema(hint)


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
