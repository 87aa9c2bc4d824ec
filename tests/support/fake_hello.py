"""Route of the fake API for the first minute."""

from fastapi import FastAPI, Response

from tests.support.fake_state import FakeApi


def add_hello(app: FastAPI, catflap: FakeApi) -> None:
    """Add the route by which the page tells that its user knows it."""

    @app.put("/v1/me/introduction")
    async def introduce() -> Response:
        catflap.introductions += 1
        await catflap.noticed()
        return Response(status_code=204)
