"""Discovery documents for Google's generic clients, pointed at this sandbox.

The documents themselves ship inside google-api-python-client; where that is not installed there are none to
serve.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from starlette.responses import Response

from catflap.sandbox.app import Endpoint
from catflap.sandbox.call import Call, Refusal, as_json

SERVED = {("calendar", "v3"), ("drive", "v3"), ("oauth2", "v2")}


def document(call: Call) -> Response:
    """`/discovery/v1/apis/{api}/{version}/rest`"""
    found = _shipped(call.path["api"], call.path["version"])
    if found is None:
        raise Refusal(404, "notFound", "Requested entity was not found.")
    root = call.world.base_url + "/"
    kept = {name: value for name, value in found.items() if not name.startswith("mtls")}
    return as_json({**kept, "rootUrl": root, "baseUrl": root + str(found["servicePath"])})


@cache
def _shipped(api: str, version: str) -> dict[str, Any] | None:
    if (api, version) not in SERVED or find_spec("googleapiclient") is None:
        return None
    name = f"discovery_cache/documents/{api}.{version}.json"
    shipped: dict[str, Any] = json.loads(files("googleapiclient").joinpath(name).read_text("utf-8"))
    return shipped


ENDPOINTS = (Endpoint("discovery.rest", "GET", "/discovery/v1/apis/{api}/{version}/rest", document),)
