"""Errors as RFC 9457 problem documents with a stable `code`."""

import math

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from catflap.errors import CatflapError, OperatorMustAct, TryAgain, http_status
from catflap.log import log, place

MAX_BODY_BYTES = 64 * 1024
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}


def problem(
    status: int, code: str, detail: str, *, retry_after: int | None = None, **members: object
) -> JSONResponse:
    """One problem document; `members` are extension members (RFC 9457 section 3.2), None left out."""
    body = {"type": f"urn:catflap:problem:{code}", "title": code.replace("_", " "), "status": status}
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        {**body, "code": code, "detail": detail, **{k: v for k, v in members.items() if v is not None}},
        status,
        headers=headers,
        media_type="application/problem+json",
    )


def problem_of(error: Exception, route: str | None = None) -> JSONResponse:
    """The problem document for any exception; an unexpected one is logged with the path of its route."""
    if isinstance(error, CatflapError):
        return _ours(error)
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _http(error)
    # The message may quote what a person sent, so only the kind of error and its place are logged.
    kind, at = type(error).__name__, place(error.__traceback__)
    log.error("unforeseen_error", route=route, error=kind, at=at)
    return problem(500, "internal_error", "Something broke here; it was logged.")


async def http_problem(_request: Request, error: Exception) -> JSONResponse:
    """Exception handler for an application that is all ours: paths that no route has."""
    return problem_of(error)


def too_large() -> JSONResponse:
    """The answer to a request body of more than MAX_BODY_BYTES."""
    return problem(413, "too_large", f"A request body may have {MAX_BODY_BYTES} bytes at most.")


def plain(error: CatflapError, status: int | None = None, message: str | None = None) -> JSONResponse:
    """The same for clients that know no problem documents: `{"error": …}`."""
    after = retry_after(error)
    headers = {"Retry-After": str(after)} if after else {}
    return JSONResponse({"error": message or error.message}, status or http_status(error), headers)


def _ours(error: CatflapError) -> JSONResponse:
    if isinstance(error, OperatorMustAct) and not error.logged:
        log.error("operator_must_act", code=error.code, message=error.message, detail=error.detail)
    return problem(http_status(error), error.code, error.message, retry_after=retry_after(error))


def retry_after(error: CatflapError) -> int | None:
    """Seconds for the header Retry-After, where the error says when to try again."""
    after = error.after if isinstance(error, TryAgain) else None
    return math.ceil(after.total_seconds()) if after else None


def _invalid(error: RequestValidationError) -> JSONResponse:
    """Names what is wrong and where, without repeating the value: it may be a code or a token."""
    first = error.errors()[0]
    # A member that we don't know is the sender's text, as is all about a body that can't be read.
    unknown = first["type"] in ("extra_forbidden", "json_invalid")
    where = [str(part) for part in first["loc"][1 : -1 if unknown else None]]
    return problem(400, "invalid_request", f"{'.'.join(where) or 'the body'}: {first['msg']}")


def _http(error: HTTPException) -> JSONResponse:
    if error.status_code == 413:
        return too_large()
    answer = problem(error.status_code, _CODES.get(error.status_code, "http_error"), str(error.detail))
    answer.headers.update(error.headers or {})
    return answer
