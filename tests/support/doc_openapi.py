"""What the OpenAPI document says of bodies, to compare the documentation with."""

from functools import cache

from docsite.http_api import document
from tests.support.openapi import Conformance


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
