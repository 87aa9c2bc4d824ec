"""Speakers of Home Assistant: which there are, and making one a device."""

from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.schemas.speakers import (
    SpeakerBody,
    SpeakerDeviceResource,
    SpeakerList,
    SpeakerOptions,
    SpeakerResource,
)

router = new_router("/v1/speakers", tag="devices")
_HOME_ASSISTANT = (
    "home_assistant_off",
    "home_assistant_unavailable",
    "home_assistant_token_refused",
    "home_assistant_certificate_invalid",
    "home_assistant_refused",
)


@router.get(
    "",
    operation_id="listSpeakers",
    summary="The speakers of Home Assistant",
    response_description="All that can play sounds.",
    responses=problems(*SESSION, *_HOME_ASSISTANT),
)
async def list_speakers(session: CurrentSession, services: ServicesDep) -> SpeakerList:
    """List the speakers that Home Assistant offers, those that are devices of the user too."""
    found = await services.speakers.offered(session.user_id)
    return SpeakerList(speakers=[SpeakerResource.of(one) for one in found])


@router.post(
    "",
    status_code=201,
    operation_id="addSpeaker",
    summary="Make a speaker a device",
    response_description="The device.",
    responses=problems(
        *SESSION, *_HOME_ASSISTANT, "invalid_request", "speaker_unknown", "speaker_exists", "too_many"
    ),
)
async def add_speaker(
    body: SpeakerBody, session: CurrentSession, services: ServicesDep
) -> SpeakerDeviceResource:
    """Make a speaker a device of the user; from then on their announcements are played there."""
    made = await services.speakers.add(
        session.user_id,
        body.entity,
        name=body.name,
        room=body.room,
        rest_entity=body.rest_entity,
        volume=body.volume,
    )
    return SpeakerDeviceResource.of(made)


@router.put(
    "/{device_id}",
    operation_id="changeSpeaker",
    summary="Change when a speaker rests, and its volume",
    response_description="The device as it is now.",
    responses=problems(*SESSION, *_HOME_ASSISTANT, "invalid_request", "not_found", "speaker_unknown"),
)
async def change_speaker(
    device_id: PathId, body: SpeakerOptions, session: CurrentSession, services: ServicesDep
) -> SpeakerDeviceResource:
    """Replace both; `removeDevice` removes the device."""
    changed = await services.speakers.change(
        session.user_id, device_id, rest_entity=body.rest_entity, volume=body.volume
    )
    return SpeakerDeviceResource.of(changed)
