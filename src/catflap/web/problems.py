"""Errors as RFC 9457 problem documents with a stable `code`."""

import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from catflap.errors import CatflapError, OperatorMustAct, TryAgain, http_status
from catflap.log import log, place

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


def install(app: FastAPI) -> None:
    """Have `app` answer every error as a problem document."""
    app.add_exception_handler(CatflapError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def ours(_request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours."""
    assert isinstance(error, CatflapError)
    if isinstance(error, OperatorMustAct) and not error.logged:
        log.error("operator_must_act", code=error.code, message=error.message, detail=error.detail)
    return problem(http_status(error), error.code, error.message, retry_after=_seconds(error))


def plain(error: CatflapError, status: int | None = None, message: str | None = None) -> JSONResponse:
    """The same for clients that know no problem documents: `{"error": …}`."""
    after = _seconds(error)
    headers = {"Retry-After": str(after)} if after else {}
    return JSONResponse({"error": message or error.message}, status or http_status(error), headers)


def _seconds(error: CatflapError) -> int | None:
    after = error.after if isinstance(error, TryAgain) else None
    return math.ceil(after.total_seconds()) if after else None


async def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Names what is wrong and where, without repeating the value: it may be a code or a token."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # A member that we don't know is the sender's text, as is all about a body that can't be read.
    unknown = first["type"] in ("extra_forbidden", "json_invalid")
    where = [str(part) for part in first["loc"][1 : -1 if unknown else None]]
    return problem(400, "invalid_request", f"{'.'.join(where) or 'the body'}: {first['msg']}")


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _CODES.get(error.status_code, "http_error"), str(error.detail))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    # The message may quote what a person sent, so only the kind of error and its place are told.
    log.error(
        "unforeseen_error",
        route=getattr(request.scope.get("route"), "path", None),
        error=type(error).__name__,
        at=place(error.__traceback__),
    )
    return problem(500, "internal_error", "Something broke here; it was logged.")
