"""Shared devices: invitations, members, and what is said of each."""

from typing import Annotated, Self

from pydantic import Field

from catflap.devices.members import Invitation, Member
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, Instant, StrictBody

_NAME = "Whether their name is said before each announcement."
_TITLES = "Whether titles are said; else only that there is an appointment, and when."


class InvitationResource(Answer):
    """An invitation to a device. Anybody with the code can accept it, once."""

    code: str = Field(description="Shown once.")
    expires_at: Instant

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """Build it from a new invitation."""
        return cls(code=invitation.code, expires_at=invitation.expires_at)


class AcceptBody(StrictBody):
    """The code of an invitation, and what is said of the new member's on the device."""

    code: Annotated[Text, Field(max_length=64)]
    says_name: bool = Field(True, description=_NAME)
    says_titles: bool = Field(False, description=_TITLES)


class MemberChange(StrictBody):
    """What is said of a member's on the device; members that are left out stay as they are."""

    says_name: bool | None = Field(None, description=_NAME)
    says_titles: bool | None = Field(None, description=_TITLES)


class MemberResource(Answer):
    """A member of a device."""

    user_id: int
    name: str = Field(description="As at Google; empty if that is not known.")
    is_owner: bool
    says_name: bool = Field(description=_NAME)
    says_titles: bool = Field(description=_TITLES)
    joined_at: Instant

    @classmethod
    def of(cls, member: Member) -> Self:
        """Build it from a stored member."""
        return cls(
            user_id=member.user_id,
            name=member.name,
            is_owner=member.is_owner,
            says_name=member.says_name,
            says_titles=member.says_titles,
            joined_at=member.joined_at,
        )


class MemberList(Answer):
    """The members of a device whom the user may see."""

    members: list[MemberResource]
