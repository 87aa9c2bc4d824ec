"""Errors as RFC 9457 problem documents with a stable `code`."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from catflap.errors import BadRequest, CatflapError, OperatorMustAct, TryAgain, http_status
from catflap.log import log, place
from catflap.web.schemas.base import json_response
from catflap.web.schemas.problems import MEDIA_TYPE, PlainError, problem_document

MAX_BODY_BYTES = 64 * 1024
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}


def problem(
    status: int, code: str, detail: str, *, retry_after: int | None = None, **members: Any
) -> Response:
    """Build the response for an error; `members` are the extension members of `CatflapProblem`."""
    document = problem_document(status, code, detail, **members)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(document.model_dump_json(), status, headers, MEDIA_TYPE)


def problem_of(error: Exception, route: str | None = None, **members: Any) -> Response:
    """Build the problem document for any exception; an unexpected one is logged with the path of its route.

    Args:
        members: as in `problem`, for an error of ours.
    """
    if (known := error_of(error)) is not None:
        return _ours(known, members)
    if isinstance(error, HTTPException):
        return _http(error)
    # The message may quote what a person sent, so only the kind of error and its place are logged.
    kind, at = type(error).__name__, place(error.__traceback__)
    log.error("unforeseen_error", route=route, error=kind, at=at)
    return problem(500, "internal_error", "Something broke here; it was logged.")


def error_of(error: Exception) -> CatflapError | None:
    """Return the error of ours that an exception is or means; None for any other."""
    if isinstance(error, RequestValidationError):
        return invalid_request(error.errors()[0])
    if isinstance(error, HTTPException) and error.status_code == 413:
        return too_large()
    if isinstance(error, HTTPException) and isinstance(error.__cause__, CatflapError):
        # Of `current_user`, which a host application may add to our routers.
        return error.__cause__
    return error if isinstance(error, CatflapError) else None


def too_large() -> BadRequest:
    """Build the error for a request body of more than MAX_BODY_BYTES."""
    return BadRequest("too_large", f"A request body may have {MAX_BODY_BYTES} bytes at most.")


def plain(error: CatflapError, status: int | None = None, message: str | None = None) -> Response:
    """Build the response for a route with plain errors, `{"error": …}`."""
    after = retry_after(error)
    headers = {"Retry-After": str(after)} if after else {}
    return json_response(PlainError(error=message or error.message), status or http_status(error), headers)


def _ours(error: CatflapError, members: Mapping[str, Any]) -> Response:
    if isinstance(error, OperatorMustAct) and not error.logged:
        log.error("operator_must_act", code=error.code, message=error.message, detail=error.detail)
    return problem(http_status(error), error.code, error.message, retry_after=retry_after(error), **members)


def retry_after(error: CatflapError) -> int | None:
    """Return the seconds for the header Retry-After, or None."""
    after = error.after if isinstance(error, TryAgain) else None
    return math.ceil(after.total_seconds()) if after else None


def invalid_request(first: Mapping[str, Any]) -> BadRequest:
    """Build the error for pydantic's `first` one: what is wrong and where.

    The value is not repeated: it may be a code or a token.
    """
    # A member that we don't know is the sender's text, as is all about a body that can't be read.
    unknown = first["type"] in ("extra_forbidden", "json_invalid")
    where = [str(part) for part in first["loc"][1 : -1 if unknown else None]]
    what = first["msg"]
    if first["type"] == "too_long" and isinstance(first.get("input"), str):
        # pydantic counts the "items" of a text that a function has checked before.
        what = f"String should have at most {first['ctx']['max_length']} characters"
    return BadRequest("invalid_request", f"{'.'.join(where) or 'the body'}: {what}")


def _http(error: HTTPException) -> Response:
    answer = problem(error.status_code, _CODES.get(error.status_code, "http_error"), str(error.detail))
    answer.headers.update(error.headers or {})
    return answer
