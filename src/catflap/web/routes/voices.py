"""What announcements can be spoken in, and to hear it before it is chosen."""

from fastapi import Response

from catflap.speech import dialects
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.schemas.voices import DialectResource, EngineList, EngineResource, SampleBody

router = new_router("/v1", tag="preferences")
_WAV = {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/dialects",
    operation_id="listDialects",
    summary="The dialects that announcements can be spoken in",
    response_description="All dialects.",
    responses=problems(),
)
async def all_dialects() -> list[DialectResource]:
    """List the dialects, each with sentences as examples."""
    return [DialectResource.of(one) for one in dialects()]


@router.get(
    "/voices",
    operation_id="listVoices",
    summary="The engines that can speak here",
    response_description="The engines, the best for a language before the others.",
    responses=problems(*SESSION),
)
async def all_engines(session: CurrentSession, services: ServicesDep) -> EngineList:
    """List the text-to-speech engines of this installation."""
    return EngineList(engines=[EngineResource.of(one) for one in services.voices.engines])


@router.post(
    "/voices/sample",
    operation_id="hearVoice",
    summary="Hear a voice before it is chosen",
    response_description="The sound.",
    response_class=Response,
    responses={
        200: {"content": _WAV},
        **problems(
            *SESSION, "invalid_request", "no_voice", "rate_limited", "unknown_dialect", "voice_unavailable"
        ),
    },
)
async def hear(body: SampleBody, session: CurrentSession, services: ServicesDep) -> Response:
    """Return a dialect's example in a voice. The first time takes as long as it takes to make it."""
    sample = services.samples.sample(body.voice(), body.talkativeness)
    wav = await services.samples.find(sample)
    if wav is None:
        services.sample_limit.check(str(session.user_id))
        wav = await services.samples.make(sample)
    return Response(wav, media_type="audio/wav", headers={"Cache-Control": "no-store"})
