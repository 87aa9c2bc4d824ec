"""The mobile app of a back end with its own login."""

from tests.support.app_client import RunningApp

TOKENS_PATH = "/app/google-calendar/tokens"


SAVED = b'{"message":"Token saved successfully"}'


async def app_user(app: RunningApp, external_id: str | None = "17") -> tuple[int, str]:
    """A user of the app, and the bearer its back end minted for them."""
    key = await app.api_key("users")
    body = {} if external_id is None else {"external_id": external_id}
    user_id = (await app.client.post("/v1/users", json=body, headers=key)).json()["id"]
    made = await app.client.post(f"/v1/users/{user_id}/sessions", headers=key)
    return user_id, made.json()["token"]
