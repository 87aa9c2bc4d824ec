"""Typed values out of a control request's JSON body."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from catflap.sandbox.call import Call


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object whose fields are checked as they are read: ValueError, with a sentence."""

    values: dict[str, Any]

    @classmethod
    def of(cls, call: Call) -> Body:
        """Return the JSON object in a request, empty for other content."""
        kind = call.header("content-type")
        is_json = "json" in kind if kind else call.body.lstrip()[:1] == b"{"
        return cls(call.json() if is_json else {})

    def text(self, name: str) -> str | None:
        """Return a text, None if it is not there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be a text")
        return value

    def needed(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.text(name)
        if not value:
            raise ValueError(f"{name} is missing")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; one text with spaces counts as a list."""
        value = self.values.get(name) or []
        if isinstance(value, str):
            return value.split()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} must be a list of texts")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, False if it is not there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        return bool(value)

    def number(self, name: str) -> float | None:
        """Return a finite number, None if it is not there."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number")
        return float(value)

    def integer(self, name: str) -> int | None:
        """Return an integer, None if it is not there."""
        value = self.values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError(f"{name} must be an integer")
        return value
