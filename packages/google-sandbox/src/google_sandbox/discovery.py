"""Discovery documents of the APIs, with this sandbox as their address.

The documents are Google's own, copied from google-api-python-client (Apache-2.0); a test holds the copies
against that package. They describe more than the sandbox can do: what is missing here answers 404.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import Response

from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError
from google_sandbox.hosts import API_OF_HOST, google_host
from google_sandbox.request import Call
from google_sandbox.responses import json_response

SERVED = (("calendar", "v3"), ("drive", "v3"), ("oauth2", "v2"), ("people", "v1"))


def document(call: Call) -> Response:
    """Handle `/discovery/v1/apis/{api}/{version}/rest`."""
    return _document(call, call.path["api"], call.path["version"])


def document_of_host(call: Call) -> Response:
    """Handle `/$discovery/rest?version={version}`: the API is the one of the host asked."""
    api = API_OF_HOST.get(google_host(call.header("host")) or "", "")
    return _document(call, api, call.query.get("version", ""))


def directory(call: Call) -> Response:
    """Handle `/discovery/v1/apis`."""
    base = call.address("www.googleapis.com")
    items = [
        {
            "kind": "discovery#directoryItem",
            **{name: found[name] for name in ("id", "name", "version", "title", "description")},
            "discoveryRestUrl": f"{base}/discovery/v1/apis/{found['name']}/{found['version']}/rest",
            "preferred": True,
        }
        for found in (_shipped(*served) for served in SERVED)
        if call.query.get("name") in (None, found["name"])
    ]
    return json_response({"kind": "discovery#directoryList", "discoveryVersion": "v1", "items": items})


def _document(call: Call, api: str, version: str) -> Response:
    if (api, version) not in SERVED:
        raise ApiError(404, "notFound", "Requested entity was not found.")
    found = _shipped(api, version)
    if google_host(call.header("host")):
        return json_response(found)
    root = call.state.base_url + "/"
    kept = {name: value for name, value in found.items() if not name.startswith("mtls")}
    return json_response({**kept, "rootUrl": root, "baseUrl": root + str(found["servicePath"])})


@cache
def _shipped(api: str, version: str) -> dict[str, Any]:
    text = files("google_sandbox").joinpath(f"discovery_documents/{api}.{version}.json").read_text("utf-8")
    shipped: dict[str, Any] = json.loads(text)
    return shipped


ENDPOINTS = (
    Endpoint("discovery.rest", "GET", "/discovery/v1/apis/{api}/{version}/rest", document),
    Endpoint("discovery.rest", "GET", "/$discovery/rest", document_of_host),
    Endpoint("discovery.list", "GET", "/discovery/v1/apis", directory),
)
