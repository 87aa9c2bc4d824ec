"""Speech engines: that each language has a voice, and that speech servers answer."""

import shutil
from collections.abc import Sequence
from functools import partial

from sqlalchemy import text

from catflap.checks.catalogue import found, found_by
from catflap.checks.finding import Finding
from catflap.checks.installation import Database, Installation
from catflap.errors import OperatorMustAct
from catflap.google.fetch import FetchError, fetch
from catflap.installer import install_command
from catflap.speech import voices_of

_LANGUAGES = {"ja": ("Japanese", "mia"), "en": ("English", "english")}
_CHOSEN = text("""
SELECT engine, count(*) AS users FROM (
    SELECT engine_ja AS engine FROM app.preferences UNION ALL SELECT engine_en FROM app.preferences
) chosen WHERE engine IS NOT NULL GROUP BY engine ORDER BY engine
""")


async def check_voices(here: Installation) -> Sequence[Finding]:
    """Check that there are engines for the languages of the phrasebooks: each user has a dialect of both."""
    settings = here.settings
    if settings.calendars is False:
        return []
    try:
        voices = voices_of(settings)
    except OperatorMustAct as error:
        return [found_by(error)]
    if not voices.engines and settings.calendars is None:
        return [found("calendars_not_read", install=install_command("mia", "english"))]
    findings = []
    for language in voices.missing_languages():
        name, extra = _LANGUAGES[language]
        findings.append(found("voice_missing", language=name, install=install_command(extra)))
    english = [engine.id for engine in voices.speaking("en")]
    if english[:1] == ["espeak"] and not settings.voices and shutil.which("flite") is None:
        findings.append(found("flite_missing"))
    return findings


async def check_users_voices(here: Installation, database: Database) -> Sequence[Finding]:
    """Check that the voices that users have chosen are installed."""
    if here.settings.calendars is False:
        return []
    try:
        installed = {engine.id for engine in voices_of(here.settings).engines}
    except OperatorMustAct:
        return []
    async with database.app.connect() as connection:
        chosen = (await connection.execute(_CHOSEN)).all()
    return [
        found("voice_choice_missing", count=row.users, engine=row.engine)
        for row in chosen
        if row.engine not in installed
    ]


async def check_speech_servers(here: Installation) -> Sequence[Finding]:
    """Check that the speech servers of the settings answer anything; no text is sent."""
    urls = {
        "CATFLAP_VOICEVOX_URL": here.settings.voicevox_url,
        "CATFLAP_OPENAI_SPEECH_URL": here.settings.openai_speech_url,
    }
    findings, ask = [], partial(fetch, here.http, "GET")
    for setting, url in urls.items():
        try:
            if url:
                await ask(url)
        except FetchError:
            findings.append(found("speech_server_unreachable", host=url.split("/")[2], setting=setting))
    return findings
