"""The API of shared devices: invite, accept, choose what is said, remove and leave."""

from fastapi.responses import Response

from catflap.errors import BadRequest
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.device_members import (
    AcceptBody,
    InvitationResource,
    MemberChange,
    MemberList,
    MemberResource,
)
from catflap.web.schemas.devices import DeviceResource
from catflap.web.schemas.problems import SESSION, problems

router = new_router("/v1", tag="devices")


@router.post(
    "/devices/{device_id}/invitations",
    status_code=201,
    operation_id="inviteMember",
    summary="Invite somebody to a device",
    response_description="The invitation, with its code.",
    responses=problems(*SESSION, "invalid_request", "not_found", "too_many"),
)
async def invite(device_id: PathId, session: CurrentSession, services: ServicesDep) -> InvitationResource:
    """Make an invitation to an own device, which works once, for a day; send its code to whom you invite."""
    return InvitationResource.of(await services.members.invite(session.user_id, device_id))


@router.delete(
    "/devices/{device_id}/invitations",
    status_code=204,
    response_class=Response,
    operation_id="withdrawInvitations",
    summary="Withdraw the open invitations to a device",
    response_description="None can be accepted any more.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def withdraw(device_id: PathId, session: CurrentSession, services: ServicesDep) -> None:
    """Withdraw all invitations to an own device that nobody has accepted; members stay."""
    await services.members.withdraw_invitations(session.user_id, device_id)


@router.post(
    "/invitations/accept",
    status_code=201,
    operation_id="acceptInvitation",
    summary="Accept an invitation to a device",
    response_description="The device, on which the user's announcements are said from here on.",
    responses=problems(*SESSION, "invalid_request", "not_found", "too_many"),
)
async def accept(body: AcceptBody, session: CurrentSession, services: ServicesDep) -> DeviceResource:
    """Become a member of the device; by default the name is said, and no title.

    Its owner sees the name and what is said of it, but no announcement.
    """
    device = await services.members.accept(
        session.user_id, body.code, says_name=body.says_name, says_titles=body.says_titles
    )
    return DeviceResource.of(device, services.clock.now(), session.user_id)


@router.get(
    "/devices/{device_id}/members",
    operation_id="listMembers",
    summary="Who shares a device",
    response_description="The owner sees all members, a member only themselves.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def members(device_id: PathId, session: CurrentSession, services: ServicesDep) -> MemberList:
    """List the members of a device, the owner included, and what is said of each."""
    found = await services.members.of_device(session.user_id, device_id)
    return MemberList(members=[MemberResource.of(one) for one in found])


@router.patch(
    "/devices/{device_id}/members/me",
    operation_id="changeMembership",
    summary="Choose what a device says of the user's",
    response_description="The choice as it is now.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def change(
    device_id: PathId, body: MemberChange, session: CurrentSession, services: ServicesDep
) -> MemberResource:
    """Choose whether name and titles are said on a device, as its owner or as a member."""
    choice = body.model_dump(exclude_unset=True)
    if not choice or None in choice.values():
        raise BadRequest("invalid_request", "Send says_name or says_titles, as true or false.")
    return MemberResource.of(await services.members.choose(session.user_id, device_id, **choice))


@router.delete(
    "/devices/{device_id}/members/{user_id}",
    status_code=204,
    response_class=Response,
    operation_id="removeMember",
    summary="Remove a member of a device, or leave it",
    response_description="Nothing of theirs is said there any more.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def remove(device_id: PathId, user_id: PathId, session: CurrentSession, services: ServicesDep) -> None:
    """Remove a member as the owner of the device, or oneself as a member."""
    await services.members.remove(session.user_id, device_id, user_id)
