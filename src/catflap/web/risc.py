"""Where Google sends security events: 202 for what verifies, also a second time; 400 for what does not."""

from fastapi import Request
from fastapi.responses import Response

from catflap.errors import Tampered
from catflap.log import log
from catflap.web.problems import problem
from catflap.web.routing import new_router
from catflap.web.security import Parts

router = new_router()


@router.post("/google/risc", include_in_schema=False)
async def receive(request: Request, parts: Parts) -> Response:
    """One security event token, whatever the content type (RFC 8935, section 2)."""
    body = (await request.body()).decode("ascii", "replace").strip()
    try:
        said = await parts.security_events.verify(body)
    except Tampered as error:
        log.warning("security_event_refused", check=error.detail)
        return problem(400, error.code, error.message)
    await parts.reactions.accept(said)
    return Response(status_code=202)
