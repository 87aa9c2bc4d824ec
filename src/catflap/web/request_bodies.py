"""Read request bodies that FastAPI can't choose between: JSON, a form or a bare code, by content type.

Each member or field counts once, because a body that two readers could understand differently must not pass.
An error never repeats what was sent: it may be a code.
"""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError

from catflap.errors import BadRequest
from catflap.signin.client_input import MAX_SENT
from catflap.web.input_types import once, parse_json
from catflap.web.problems import invalid_request
from catflap.web.schemas.base import StrictBody

_M = TypeVar("_M", bound=StrictBody)
JSON, FORM, BARE = "application/json", "application/x-www-form-urlencoded", "application/octet-stream"


def request_body(
    kind: type[StrictBody] | None = None, *, form: type[StrictBody] | None = None, bare: bool = False
) -> dict[str, Any]:
    """Describe a body that is read by hand, for `openapi_extra`.

    Args:
        kind: the JSON body.
        form: the urlencoded body.
        bare: whether nothing but a one-time code may be sent.
    """
    content: dict[str, Any] = {
        media_type: {"schema": model.model_json_schema()}
        for media_type, model in ((JSON, kind), (FORM, form))
        if model is not None
    }
    if bare:
        code = {"type": "string", "format": "binary", "maxLength": MAX_SENT, "description": "The code alone."}
        content[BARE] = {"schema": code}
    return {"requestBody": {"required": True, "content": content}}


def media_type(request: Request) -> str:
    """Return the content type without its parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read_object(request: Request, kind: type[_M]) -> _M:
    """Read the JSON body as `kind`.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    if media_type(request) != JSON:
        raise BadRequest("invalid_request", "Send Content-Type: application/json.")
    try:
        return kind.model_validate(parse_json(await request.body()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        names = [part for part in first["loc"] if part in kind.model_fields]
        raise invalid_request({**first, "loc": ("body", *names)}) from None
    except ValueError:
        raise BadRequest("invalid_request", "Send one JSON object, each member once.") from None


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields of an urlencoded form, each once.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    try:
        pairs = parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=50)
        return once(pairs)
    except ValueError:
        raise BadRequest("invalid_request", "Send each field of the form once.") from None


async def read_bare(request: Request) -> str:
    """Read a body that is nothing but a one-time code.

    Raises:
        BadRequest: `invalid_request`, `too_large`.
    """
    if media_type(request) != BARE:
        raise BadRequest("invalid_request", "Send the bare code as application/octet-stream.")
    body = await request.body()
    if len(body) > MAX_SENT or not body.isascii() or b"\0" in body:
        raise BadRequest("invalid_request", "That is not a one-time code of Google's.")
    return body.decode("ascii")
