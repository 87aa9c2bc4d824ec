"""The port that `catflap serve` listens on."""

import errno
import socket
from collections.abc import Sequence

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Installation
from catflap.google.fetch import FetchError, fetch

# The first body of an answer for somebody who is not signed in.
_OURS = ("unauthenticated", 401)


async def check_port(here: Installation) -> Sequence[Finding]:
    """Check that the port is free, or that it is Catflap that listens there."""
    settings = here.settings
    facts = {"host": settings.host, "port": settings.port}
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        # As `catflap serve` does; a port in TIME_WAIT is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return [found("address_unusable", reason=error.strerror or type(error).__name__, **facts)]
        else:
            return []
    return [] if await _is_ours(here) else [found("port_taken", **facts)]


async def _is_ours(here: Installation) -> bool:
    """Ask for the signed-in user, whom a Catflap knows in none of its forms without a session."""
    settings = here.settings.model_copy(update={"public_url": ""})
    try:
        answer = await fetch(here.http, "GET", f"{settings.origin}/v1/me")
    except FetchError:
        return False
    return ((answer.json_object() or {}).get("code"), answer.status) == _OURS
