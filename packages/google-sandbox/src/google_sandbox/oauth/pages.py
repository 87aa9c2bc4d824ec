"""HTML pages in English and Japanese, each marked as a sandbox.

They show neither Google's name as their own nor its logo: nobody should type a real password here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader

from google_sandbox.request import Call


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("google_sandbox"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def wants_japanese(call: Call) -> bool:
    """Return whether Accept-Language prefers Japanese to English."""
    for part in (call.header("accept-language") or "").lower().split(","):
        language = part.partition(";")[0].strip()
        if language.startswith("ja"):
            return True
        if language.startswith("en"):
            return False
    return False


def render(template: str, call: Call, **values: Any) -> str:
    """Return a page in the reader's language."""
    return _environment().get_template(template).render(ja=wants_japanese(call), **values)
