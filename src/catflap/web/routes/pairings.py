"""The API of pairing: a device asks for a code, its owner looks at what shows it."""

from typing import Annotated

from fastapi import Depends, Path, Request

from catflap.speech import RENDERED_AUDIO
from catflap.web.authentication import CurrentSession, ServicesDep, limit_pairings
from catflap.web.problem_route import new_router, secret_address
from catflap.web.schemas.pairings import (
    PairingBody,
    PairingResource,
    PairingStatus,
    PreviewBody,
    WaitingDeviceResource,
)
from catflap.web.schemas.problems import SESSION, problems

router = new_router("/v1", tag="devices")


@router.post(
    "/pairings",
    status_code=201,
    operation_id="beginPairing",
    summary="Begin to pair a device",
    response_description="A code to show or to speak, and a handle to ask with.",
    responses=problems("invalid_request", "format_unavailable", "rate_limited"),
    dependencies=[Depends(limit_pairings)],
)
async def begin_pairing(request: Request, body: PairingBody, services: ServicesDep) -> PairingResource:
    """Make a code for the device; its user sends it to `addDevice`, the device asks `getPairing`.

    It works once, within ten minutes. Addresses are named as in RFC 8628, section 3.3.1, but have the code in
    the fragment: in the query, logs of servers and proxies would have it.
    """
    audio = body.audio.checked() if body.audio else RENDERED_AUDIO
    made = await services.pairings.create(
        token_sha256=body.token_sha256,
        model=body.model,
        audio=audio,
        channel=body.channel,
        kind=body.code,
        address=services.limits.address(request),
    )
    return PairingResource.of(made, f"{services.settings.origin}{services.paths.mia}/devices")


@router.post(
    "/pairings/preview",
    operation_id="previewPairing",
    summary="Look at the device that shows a code",
    response_description="What it says it is, and from where and when it asked.",
    responses=problems(*SESSION, "invalid_request", "not_found", "rate_limited"),
)
async def preview_pairing(
    request: Request, body: PreviewBody, session: CurrentSession, services: ServicesDep
) -> WaitingDeviceResource:
    """Return what the owner compares with the device before them, before `addDevice` claims it.

    A wrong code counts as one that `addDevice` refuses.
    """
    address = services.limits.address(request)
    waiting = await services.pairings.preview(session.user_id, body.code, address)
    return WaitingDeviceResource.of(waiting, address, services.clock.now())


@router.get(
    "/pairings/{handle}",
    operation_id="getPairing",
    summary="Ask whether a user claimed the device",
    response_description="`pending`, or `claimed` with the device's id.",
    responses=problems("expired"),
)
@router.get("/pairings/{handle}/", include_in_schema=False)
@secret_address
async def ask_pairing(
    handle: Annotated[str, Path(description="As `beginPairing` gave it.")], services: ServicesDep
) -> PairingStatus:
    """Return the state of a pairing; ask every `interval` seconds."""
    device_id = await services.pairings.claimed_device_id(handle)
    return PairingStatus(status="pending" if device_id is None else "claimed", device=device_id)
