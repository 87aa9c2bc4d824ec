"""The OpenAPI document without an application that runs, to compare the documentation with."""

from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from catflap.settings import Settings
from catflap.web.app import create_app
from catflap.web.services import Services
from tests.support.openapi import Conformance


@cache
def document() -> dict[str, Any]:
    """Return the document with all routes."""
    services = cast(Services, SimpleNamespace(settings=Settings(calendars=True)))
    return create_app(services).openapi()


@cache
def members_of_models() -> dict[str, frozenset[str]]:
    """Return the names of the members of each model."""
    models = document()["components"]["schemas"]
    return {name: frozenset(model.get("properties", ())) for name, model in models.items()}


def body_members(method: str, path: str) -> frozenset[str] | None:
    """Return what the JSON body of a request may have; None if there is no such route."""
    found = Conformance(document()).operation(method.lower(), path)
    if found is None:
        return None
    content = found[1].get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return members_of_models().get(name, frozenset())
