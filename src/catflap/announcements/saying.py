"""Have a text that somebody sends announced at once, in the user's words and readings."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.at_once import announce_text
from catflap.announcements.planned import voice_for
from catflap.announcements.preference_store import load_preferences
from catflap.announcements.reading_store import load_readings
from catflap.speech import Voices, language_of, say_text


async def say_to_user(
    connection: AsyncConnection,
    user_id: int,
    text: str,
    voices: Voices,
    now: datetime,
    *,
    dialect: str | None = None,
    device_id: int | None = None,
) -> list[str]:
    """Announce a text on the user's devices, or on one; return the ids.

    Args:
        connection: An open transaction.
        user_id: The user.
        text: What to say.
        voices: The engines that will render the sound.
        now: The time.
        dialect: The user's for the language of the text, if None.
        device_id: One of their devices.

    Raises:
        BadRequest: `not_found` without such a device; `nothing_to_say`; `unknown_dialect`.
    """
    voice = voice_for(await load_preferences(connection, user_id), language_of(text))
    if dialect is not None:
        voice = replace(voice, dialect=dialect)
    utterance = say_text(voice.dialect, text, await load_readings(connection, user_id))
    return await announce_text(connection, user_id, utterance, voice, voices, now, device_id)
