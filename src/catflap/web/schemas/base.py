"""Base classes of request and response bodies, and types that several of them use."""

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from catflap.clock import rfc3339
from catflap.web.input_types import Moment, Text


class StrictBody(BaseModel):
    """Base class of JSON request bodies: no unknown members, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """Base class of JSON response bodies.

    Members without a default are always there, some of them as null. Members declared with `absent()` are
    left out of the JSON when there is nothing to say.
    """

    model_config = ConfigDict(frozen=True)


def absent(description: str, **more: Any) -> Any:
    """Declare a member of an `Answer` that is left out when it is None."""
    return Field(
        default=None, exclude_if=_is_none, description=description, json_schema_extra=_never_null, **more
    )


def json_response(answer: Answer, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Build the response from `answer`; for routes that set cookies or headers, and for the fastest one."""
    return Response(answer.model_dump_json(), status_code, headers, "application/json")


def _is_none(value: object) -> bool:
    return value is None


def _never_null(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema.update({**kinds[0], **schema})
    elif kinds:
        schema["anyOf"] = kinds


def text_like(pattern: str, name: str) -> BeforeValidator:
    """Return a validator that refuses anything but text which begins like `pattern`.

    From a number, and from text that is one, pydantic would take seconds since 1970 or since midnight.
    """
    begins = re.compile(pattern)

    def check(value: object) -> object:
        if not isinstance(value, str) or not begins.match(value):
            raise PydanticCustomError("not_text_like", "must be {name}", {"name": name})
        return value

    return BeforeValidator(check)


# A redirect, for `responses`.
REDIRECT: dict[str, Any] = {
    "headers": {"Location": {"schema": {"type": "string"}, "description": "Where the browser goes."}}
}
# An answer with a token, for `responses`.
NO_STORE = {"headers": {"Cache-Control": {"schema": {"type": "string"}, "description": "`no-store`."}}}
_EXAMPLE_TIME = "2026-11-24T09:50:00Z"
# A time in a response.
Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": [_EXAMPLE_TIME]}, mode="serialization"
    ),
]
_RFC3339 = text_like(r"\d{4}-\d\d-\d\d[Tt ]", "a date and time as RFC 3339")
# A time in a request: any offset, converted to UTC.
RequestTime = Annotated[Moment, Field(strict=False, examples=[_EXAMPLE_TIME]), _RFC3339]
Scopes = Annotated[
    list[str],
    Field(
        description="Scopes, sorted; Google's own without `https://www.googleapis.com/auth/`.",
        examples=[["calendar.calendarlist.readonly", "calendar.events.readonly", "openid"]],
    ),
]
# One text as in `?scopes=`, or a list as responses give it.
ScopeWords = Annotated[
    Annotated[Text, Field(max_length=4000)]
    | Annotated[list[Annotated[Text, Field(max_length=200)]], Field(max_length=100)],
    Field(
        description="One text, separated by spaces or commas, or a list. `calendar` is short for reading "
        "events and the calendar list.",
        examples=["calendar"],
    ),
]
