"""The OpenAPI document of the application: its tags, and corrections that FastAPI has no option for."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

_TAGS = {
    "signin": "Sign in with Google: redirect, popup, native app, ID token.",
    "me": "The signed-in user: profile, Google accounts, grants, sessions.",
    "tokens": "Google access tokens for other back ends.",
    "proxy": "Calls to Google APIs made for a user, for back ends that should hold no token.",
    "users": "Users, codes and consent links of back ends with their own login.",
    "keys": "API keys.",
    "calendars": "Calendars, today's appointments and announcements of the signed-in user.",
    "events": "Insert, change and delete events in Google calendars.",
    "announcements": "Acknowledge, snooze, repeat and mute announcements, and say a text at once.",
    "preferences": "How and when announcements are made.",
    "devices": "Devices: pairing, schedule, sounds, acknowledgements.",
    "google": "What Google calls.",
    "operator": "How this Catflap is, for its operator.",
    "health": "Whether a process lives and wants requests, for load balancers and orchestrators.",
}
_DESCRIPTION = "Errors are problem documents (RFC 9457) with a stable `code`; `docs/api.md` lists them."


def info() -> dict[str, Any]:
    """Return what `FastAPI()` is told about the document."""
    return {
        "title": "Catflap",
        "version": version("catflap"),
        "summary": "Lasting access to Google accounts from one consent.",
        "description": _DESCRIPTION,
        "openapi_tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
    }


def install(app: FastAPI) -> None:
    """Have `app` serve an exact document.

    The catch-all `4XX` that `problems()` declares is left out; inside another application it stays, because
    FastAPI would declare its own 422 there. Bodies that are read by hand become components, as all others.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _correct(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _correct(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for operation in (one for path in document["paths"].values() for one in path.values()):
        operation["responses"].pop("4XX", None)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if title := media["schema"].get("title"):
                schemas[title] = media["schema"]
                media["schema"] = {"$ref": f"#/components/schemas/{title}"}
