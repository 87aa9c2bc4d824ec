"""What must be true after processes and the database were killed: nothing was lost, or done twice."""

import asyncpg

from catflap.store.database import asyncpg_options
from tests.journeys.chaos import OWNER, Deployment


async def check_all(deployment: Deployment, titles: list[str]) -> None:
    """Check that each title was said once, each grant works, and no process has met anything unforeseen."""
    assert [deployment.times_played(title) for title in titles] == [1] * len(titles)
    for email, answer in deployment.signed_in.items():
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        me = (await deployment.request_until_answered("check", "GET", "/v1/me", headers=bearer)).json()
        assert me["user_id"] == answer["user_id"]
        assert [account["email"] for account in me["accounts"]] == [email]
        await deployment.request_until_answered(
            "check", "GET", f"/v1/users/{answer['user_id']}/google/token", headers=deployment.key
        )
    schedule = (
        await deployment.request_until_answered(
            "check", "GET", "/v1/device/schedule", headers=deployment.device
        )
    ).json()
    assert not deployment.acknowledged & {one["id"] for one in schedule["announcements"]}
    found = await rows(deployment, "SELECT id, key, state FROM app.announcements")
    assert {row["id"] for row in found if row["state"] == "played"} == deployment.acknowledged
    assert len({row["key"] for row in found}) == len(found)
    # The device says whose it is, too.
    assert len(deployment.acknowledged) == len(titles) + 1
    grants = await rows(deployment, "SELECT state FROM vault.google_tokens")
    assert {row["state"] for row in grants} == {"active"}
    assert deployment.owner["account"]["email"] == OWNER
    log = (deployment.folder / "log").read_text()
    unexpected = ("unforeseen_error", "_broke", "_failed_unexpectedly")
    assert not [event for event in unexpected if event in log]


async def rows(deployment: Deployment, query: str) -> list[asyncpg.Record]:
    """Return what a query finds, as the owner of the database."""
    connection = await asyncpg.connect(**asyncpg_options(deployment.server.urls.owner))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
