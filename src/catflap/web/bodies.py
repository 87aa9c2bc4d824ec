"""Read the bodies of sign-in requests strictly: one JSON object, each member once, nothing unknown.

Done by hand because a body that two readers could understand differently must not pass, and because an
error must never repeat what was sent: it may be a code.
"""

from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catflap.errors import BadRequest
from catflap.signin.pasted import MAX_SENT
from catflap.web.inputs import Text, once, parse_json

_M = TypeVar("_M", bound="Members")
# One text as in `?scopes=`, or a list as our own answers give it.
ScopeWords = (
    Annotated[Text, Field(max_length=4000)]
    | Annotated[list[Annotated[Text, Field(max_length=200)]], Field(max_length=100)]
)


class Members(BaseModel):
    """A JSON object with nothing but the members we know, of exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True)


def described(kind: type[Members], *, bare: bool = False) -> dict[str, Any]:
    """The body for OpenAPI, which can't see what is read by hand; `bare`: or nothing but the code."""
    content: dict[str, Any] = {"application/json": {"schema": kind.model_json_schema()}}
    if bare:
        content["application/octet-stream"] = {"schema": {"type": "string", "maxLength": MAX_SENT}}
    return {"requestBody": {"required": True, "content": content}}


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read_object(request: Request, kind: type[_M]) -> _M:
    """The JSON body as `kind`.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    if media_type(request) != "application/json":
        raise BadRequest("invalid_request", "Send Content-Type: application/json.")
    try:
        return kind.model_validate(parse_json(await request.body()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # Only a name of ours is repeated: an unknown one is the sender's text.
        known = [str(part) for part in first["loc"] if part in kind.model_fields]
        raise BadRequest("invalid_request", f"{'.'.join(known) or 'the body'}: {first['msg']}") from None
    except ValueError:
        raise BadRequest("invalid_request", "Send one JSON object, each member once.") from None


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form, each once.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    try:
        pairs = parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=50)
        return once(pairs)
    except ValueError:
        raise BadRequest("invalid_request", "Send each field of the form once.") from None


async def read_bare(request: Request) -> str:
    """A body that is nothing but a one-time code.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    if media_type(request) != "application/octet-stream":
        raise BadRequest("invalid_request", "Send the bare code as application/octet-stream.")
    body = await request.body()
    if len(body) > MAX_SENT or not body.isascii():
        raise BadRequest("invalid_request", "That is not a one-time code of Google's.")
    return body.decode("ascii")
