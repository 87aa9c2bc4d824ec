"""Types of values in requests: each value of them fits into the database.

Refused here, a value gets an error that names its place; the store refuses the rest (`store.unavailable`).
"""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

# Columns are BIGINT and INTEGER.
LARGEST_ID, LARGEST_INTEGER = 2**63 - 1, 2**31 - 1
_NUMBER = re.compile("[1-9][0-9]*")


def _storable(value: str) -> str:
    try:
        if b"\0" not in value.encode():
            return value
    except UnicodeEncodeError:
        pass
    raise ValueError("must not contain NUL or half a surrogate pair")


def _representable(value: datetime) -> datetime:
    try:
        # Far from UTC, the first and the last day of the calendar are beyond it there.
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


def _one_spelling(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticCustomError("number_spelling", "write the number without sign or zeros")
    return value


# JSON can spell both.
Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
# In a path; other code than ours may read the path too, and would read "+17" and "017" as 17.
PathId = Annotated[int, BeforeValidator(_one_spelling), Path(ge=1, le=LARGEST_ID, examples=[17])]
Moment = Annotated[AwareDatetime, AfterValidator(_representable)]
# OpenID Connect Core 1.0, section 2: at most 255 ASCII characters.
AccountSub = Annotated[
    Text | None,
    Query(
        pattern="^[!-~]{1,255}$",
        description="The `sub` of one of the user's accounts; the one allowed first, if not given.",
        examples=["110169484474386276334"],
    ),
]


def parse_json(body: bytes) -> Any:
    """Parse JSON strictly: UTF-8, no duplicate members, no NaN or Infinity (RFC 8259).

    Raises:
        ValueError: it is not.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a dictionary, and refuse duplicate names, which two parsers could read differently.

    Raises:
        ValueError: a name occurs twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
