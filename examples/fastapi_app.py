"""Your own FastAPI application, with Google sign-in and lasting access to people's calendars.

GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… uvicorn examples.fastapi_app:app --port 8400
Register http://127.0.0.1:8400/auth/signin/google/callback at the Google Cloud console.
"""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from catflap import Catflap, CurrentUser

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
