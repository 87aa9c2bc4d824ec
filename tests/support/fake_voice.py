"""Routes of the fake API for voices: the engines, and examples to hear."""

from fastapi import FastAPI, Response

from catflap.web.problems import problem_of
from catflap.web.schemas.voices import EngineList, EngineResource, SampleBody
from tests.support.fake_state import FakeApi
from tests.support.purr import purr


def add_voice(app: FastAPI, catflap: FakeApi) -> None:
    """Add the routes of voices."""

    @app.get("/v1/voices")
    async def engines() -> EngineList:
        return EngineList(engines=[EngineResource.of(one) for one in catflap.engines])

    @app.post("/v1/voices/sample")
    async def sample(body: SampleBody) -> Response:
        catflap.samples.append(body)
        await catflap.noticed()
        if catflap.no_sample is not None:
            return problem_of(catflap.no_sample)
        return Response(purr(2.0), media_type="audio/wav")
