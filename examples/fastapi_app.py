"""Your own FastAPI application, with Google sign-in and lasting access to people's calendars.

GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… uvicorn examples.fastapi_app:app --port 8400
Register http://127.0.0.1:8400/auth/signin/google/callback at the Google Cloud console.
"""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from catflap import Catflap, CurrentUser, EventFields

catflap = Catflap()
app = FastAPI(lifespan=catflap.lifespan)
app.include_router(catflap.auth_router(), prefix="/auth")
app.include_router(catflap.me_router(), prefix="/auth")


@app.get("/")
async def home() -> HTMLResponse:
    """A page of your own."""
    return HTMLResponse('<a href="/auth/signin/google?scopes=calendar&next=/hello">Sign in with Google</a>')


@app.get("/hello")
async def hello(me: CurrentUser) -> dict[str, str | None]:
    """Who is it?"""
    return {"hello": me.name, "email": me.email}


@app.get("/token-works")
async def token_works(me: CurrentUser) -> dict[str, bool]:
    """Call Google with this token, today and in a year, whether the user is here or not."""
    return {"works": bool(await me.access_token("calendar"))}


@app.post("/dentist/{booking}")
async def book(booking: UUID, me: CurrentUser) -> dict[str, str]:
    """Insert an event into their calendar; needs a consent with `scopes=calendar.events`."""
    start = datetime(2026, 12, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    fields: EventFields = {"title": "Dentist", "start": start, "end": start + timedelta(hours=1)}
    event = await catflap.events.insert(me.id, booking.hex, fields)
    return {"link": event.link}
