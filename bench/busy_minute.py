"""5,000 announcements that are due in one minute: how long before it their sounds are rendered.

Two `catflap work` on two cores plan and render for users who each have a meeting at the same time. Four in
ten titles are shared by many, the others have names of people and projects; half of them are Japanese. Half
of the users have the usual dialects, the others any. English is spoken by Flite; Kokoro takes thirty times as
long (`speech.rendered`).
"""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from bench.large_installation import installation, put_off, started
from bench.vault_stage import Stage
from catflap.clock import SystemClock
from catflap.speech import dialects
from catflap.store.task_types import PLAN

USERS = 5_000
_NOTICE = timedelta(minutes=25)
# The lead of reminders that users have who set none.
_LEAD = timedelta(minutes=10)
_SHARED = (
    *(
        "Daily standup",
        "Team lunch",
        "Lunch",
        "All-hands",
        "Office hours",
        "Sprint planning",
        "Retrospective",
    ),
    *("Dentist", "Yoga", "Weekly sync", "1:1", "Focus time", "Board meeting", "Training", "Design review"),
    *("定例会議", "朝会", "ランチ", "歯医者", "全体会議", "週次ミーティング", "打ち合わせ", "通院", "面談"),
    *("企画会議", "営業会議", "研修", "レビュー会", "移動", "買い物"),
)
_ENGLISH = ("1:1 with {who}", "Call with {who}", "{who} / project {what}", "Review of {what} with {who}")
_JAPANESE = ("{who}さんと打ち合わせ", "{what}の件、{who}様", "{who}さん面談", "{what}レビュー、{who}さん")
_FIRST = (
    *("Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Ines", "Jack", "Kate", "Liam"),
    *("Maria", "Noah", "Olivia", "Paul", "Quinn", "Rosa", "Sam", "Tina", "Uma", "Victor", "Wendy", "Zoe"),
)
_LAST = (
    *("Adams", "Baker", "Clark", "Diaz", "Evans", "Fisher", "Green", "Hill", "Ito", "Jones", "King", "Lopez"),
    *("Miller", "Novak", "Owens", "Park", "Reed", "Smith", "Turner", "Usman", "Vogel", "White", "Young"),
)
_LAST_JA = (
    *("田中", "佐藤", "鈴木", "高橋", "伊藤", "渡辺", "山本", "中村", "小林", "加藤", "吉田", "山田"),
    *("佐々木", "松本", "井上", "木村", "林", "清水", "山崎", "森", "池田", "橋本", "阿部", "石川"),
)
_FIRST_JA = ("健太", "美咲", "大輔", "陽子", "翔太", "由美", "直樹", "恵", "誠", "彩", "拓也", "真由美")
_WHAT = ("Atlas", "Bluebird", "Comet", "Delta", "Ember", "Falcon", "Garden", "Harbor", "Island", "Jupiter")
_WHAT_JA = ("新製品", "契約", "採用", "予算", "移転", "広報", "展示会", "保守", "見積", "決算")
_PREPARE = (
    "DELETE FROM app.announcements",
    "DELETE FROM app.sounds",
    "DELETE FROM app.events",
    "DELETE FROM app.plans",
    "DELETE FROM app.preferences",
    "UPDATE app.users SET plan_due_at = now() + interval '1 day'",
)
_WRITE_DIALECTS = """
    INSERT INTO app.preferences (user_id, reminder_minutes, briefing_at, dialect_ja, dialect_en, updated_at)
    SELECT user_id, '{10}', '08:00', ja, en, now()
    FROM unnest($1::bigint[], $2::text[], $3::text[]) made (user_id, ja, en)
"""
_WRITE_EVENTS = """
    INSERT INTO app.events (calendar_id, generation, google_id, recurs, starts_at, ends_at, resource)
    SELECT id, generation, 'meeting', false, $2, $3,
        jsonb_build_object('id', 'meeting', 'status', 'confirmed', 'iCalUID', 'meeting' || id,
            'summary', title, 'eventType', 'default', 'start', $4::jsonb, 'end', $5::jsonb)
    FROM unnest($1::text[]) WITH ORDINALITY made (title, number)
    JOIN app.calendars ON id = 2 * number - 1
"""
_ENQUEUE = """
    INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload)
    SELECT 0, 'queued', $1, convert_to(i::text, 'UTF8') FROM generate_series(1, $2::int) i
"""
_WAITING = "SELECT count(*) FROM app.announcements WHERE play_at = $1 AND state = 'ready'"
_FOUND = """
    SELECT state, sound_key, dialect, extract(epoch FROM play_at - updated_at) AS ahead
    FROM app.announcements WHERE play_at = $1
"""
_PLANNED = "SELECT extract(epoch FROM max(planned_at) - $1::timestamptz) FROM app.plans"


@dataclass(frozen=True)
class Meeting:
    """What a user has at the time of all, and how it is said."""

    title: str
    dialect_ja: str
    dialect_en: str


def meetings(users: int) -> list[Meeting]:
    """Return the same meetings at each run."""
    chance = random.Random(12)
    japanese = [one.id for one in dialects() if one.language == "ja"]
    english = [one.id for one in dialects() if one.language == "en"]

    def dialect(usual: str, others: Sequence[str]) -> str:
        return usual if chance.random() < 0.5 else chance.choice(others)

    return [
        Meeting(_title(chance), dialect("kansai", japanese), dialect("kitten", english)) for _ in range(users)
    ]


def _title(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(_SHARED)
    if chance.random() < 0.5:
        who = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        return chance.choice(_ENGLISH).format(who=who, what=chance.choice(_WHAT))
    who = chance.choice(_LAST_JA) + chance.choice(_FIRST_JA)
    return chance.choice(_JAPANESE).format(who=who, what=chance.choice(_WHAT_JA))


async def rendered_ahead(stage: Stage, users: int = USERS) -> dict[str, Any]:
    """Return how long before they are due announcements of one minute were ready, and what it took."""
    async with installation(stage, users) as (connection, environment):
        environment = {**environment, "CATFLAP_VOICES": "openjtalk,flite,espeak"}
        await put_off(connection)
        due = (SystemClock().now() + _NOTICE).replace(second=0, microsecond=0)
        await _fill(connection, meetings(users), due + _LEAD)
        with started(environment, "work") as one, started(environment, "work") as other:
            began = SystemClock().now()
            database = stage.cpu_seconds()["PostgreSQL"]
            await connection.execute(_ENQUEUE, PLAN.name, users)
            took = await _until_ready(connection, due, users)
            engines = one.cpu_seconds_of_engines() + other.cpu_seconds_of_engines()
            work = one.cpu_seconds() + other.cpu_seconds()
            database = stage.cpu_seconds()["PostgreSQL"] - database
        found = await connection.fetch(_FOUND, due)
        ahead = [float(row["ahead"]) for row in found if row["state"] == "ready"]
        late = len(found) - sum(one > 0 for one in ahead)
        sounds = await connection.fetchval("SELECT count(*) FROM app.sounds")
        return {
            "announcements in the minute": len(found),
            "distinct sounds of them": len({row["sound_key"] for row in found}),
            "sounds rendered, with those of briefings": sounds,
            "late, or without a sound": late,
            "known before they were due, min": round((due - began).total_seconds() / 60, 1),
            "all planned after, s": round(float(await connection.fetchval(_PLANNED, began)), 1),
            "all ready after, s (the notice that is needed)": round(took, 1),
            "ready before they were due, median, min": round(statistics.median(ahead) / 60, 1),
            "ready before they were due, the last, min": round(min(ahead) / 60, 1),
            "sounds a second": round(sounds / took, 1),
            "cores, speech engines": round(engines / took, 2),
            "cores, workers": round(work / took, 2),
            "cores, PostgreSQL": round(database / took, 2),
        }


async def _fill(connection: asyncpg.Connection, wanted: Sequence[Meeting], starts_at: datetime) -> None:
    for statement in _PREPARE:
        await connection.execute(statement)
    ids = list(range(1, len(wanted) + 1))
    spoken = ([one.dialect_ja for one in wanted], [one.dialect_en for one in wanted])
    await connection.execute(_WRITE_DIALECTS, ids, *spoken)
    ends_at = starts_at + timedelta(hours=1)
    times = [json.dumps({"dateTime": at.isoformat(), "timeZone": "UTC"}) for at in (starts_at, ends_at)]
    await connection.execute(_WRITE_EVENTS, [one.title for one in wanted], starts_at, ends_at, *times)
    await connection.execute("VACUUM (ANALYZE)")


async def _until_ready(connection: asyncpg.Connection, due: datetime, users: int) -> float:
    """Return after how many seconds all are ready, or how many there were until they were due."""
    began = shown = time.monotonic()
    while (ready := await connection.fetchval(_WAITING, due)) < users and SystemClock().now() < due:
        await asyncio.sleep(1)
        if time.monotonic() - shown >= 30:
            shown = time.monotonic()
            print(f"  {ready:,} of {users:,} are ready after {shown - began:.0f} s", flush=True)
    return time.monotonic() - began
