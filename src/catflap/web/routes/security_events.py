"""Receiver of Google's security events (RISC, RFC 8935): 202 if valid, also a second time, else 400."""

from fastapi import Request
from fastapi.responses import Response

from catflap.errors import Tampered
from catflap.log import log
from catflap.web.authentication import ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.problems import problem_of
from catflap.web.schemas.problems import problems

router = new_router(tag="google")
_TOKEN = {
    "schema": {"type": "string", "format": "binary", "description": "A security event token (RFC 8417)."}
}


@router.post(
    "/google/risc",
    status_code=202,
    operation_id="receiveSecurityEvent",
    summary="Receive a security event from Google",
    response_class=Response,
    response_description="Accepted, also a second time.",
    responses=problems("security_event_invalid", "google_unavailable"),
    openapi_extra={"requestBody": {"required": True, "content": {"application/secevent+jwt": _TOKEN}}},
)
async def receive(request: Request, services: ServicesDep) -> Response:
    """Verify and store one security event token; any content type is accepted (RFC 8935 section 2)."""
    body = (await request.body()).decode("ascii", "replace").strip()
    try:
        said = await services.security_events.verify(body)
    except Tampered as error:
        log.warning("security_event_refused", check=error.detail)
        return problem_of(error)
    await services.security_event_handler.accept(said)
    return Response(status_code=202)
