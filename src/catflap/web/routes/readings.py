"""The reading dictionary of the signed-in user. Words are in bodies only, because addresses are logged."""

from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.reading_store import change_readings, load_readings, replace_readings
from catflap.store.queue import enqueue
from catflap.store.task_types import PLAN
from catflap.web.authentication import CurrentSession, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import SESSION, problems
from catflap.web.schemas.readings import ReadingChanges, ReadingDictionary, ReadingsBody

# A full dictionary in Japanese, written with escapes (RFC 8259, section 7).
_MAX_BODY_BYTES = 256 * 1024
router = new_router("/v1", max_body_size=_MAX_BODY_BYTES)


@router.get(
    "/readings",
    tags=["preferences"],
    operation_id="getReadings",
    summary="How words of titles are spoken",
    response_description="The reading dictionary.",
    responses=problems(*SESSION),
)
async def read_readings(session: CurrentSession, services: ServicesDep) -> ReadingDictionary:
    """Return the user's reading dictionary."""
    return ReadingDictionary.of(await load_readings(services.engine, session.user_id))


@router.put(
    "/readings",
    tags=["preferences"],
    operation_id="putReadings",
    summary="Replace the reading dictionary",
    response_description="The reading dictionary as it is now.",
    responses=problems(*SESSION, "invalid_request", "readings_invalid"),
)
async def write_readings(
    body: ReadingsBody, session: CurrentSession, services: ServicesDep
) -> ReadingDictionary:
    """Store a whole dictionary, and plan the announcements of the user's devices again."""
    async with services.engine.begin() as connection:
        changed = await replace_readings(
            connection, session.user_id, [(one.word, one.reading) for one in body.readings]
        )
        await _plan(connection, session.user_id, changed)
    return ReadingDictionary.of(await load_readings(services.engine, session.user_id))


@router.patch(
    "/readings",
    tags=["preferences"],
    operation_id="changeReadings",
    summary="Set or remove the readings of single words",
    response_description="The reading dictionary as it is now.",
    responses=problems(*SESSION, "invalid_request", "readings_invalid"),
)
async def update_readings(
    body: ReadingChanges, session: CurrentSession, services: ServicesDep
) -> ReadingDictionary:
    """Change the words that are named and keep all others; plan the announcements again."""
    async with services.engine.begin() as connection:
        changed = await change_readings(
            connection, session.user_id, [(one.word, one.reading) for one in body.readings]
        )
        await _plan(connection, session.user_id, changed)
    return ReadingDictionary.of(await load_readings(services.engine, session.user_id))


async def _plan(connection: AsyncConnection, user_id: int, changed: bool) -> None:
    if changed:
        await enqueue(connection, PLAN, user_id)
