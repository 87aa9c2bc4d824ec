"""Your own FastAPI application, with Google sign-in and a lasting grant in under ten lines of Catflap.

GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… uvicorn examples.fastapi_app:app --port 8400
Register http://127.0.0.1:8400/signin/google/callback at the Google Cloud console.
"""

from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

import catflap

app = FastAPI()
catflap.include(app)
Me = Annotated[catflap.User, Depends(catflap.current_user)]


@app.get("/")
async def home() -> HTMLResponse:
    """A page of your own."""
    return HTMLResponse('<a href="/signin/google?scopes=calendar&next=/hello">Sign in with Google</a>')


@app.get("/hello")
async def hello(me: Me) -> dict[str, str | None]:
    """Who is it?"""
    return {"hello": me.name, "email": me.email}


@app.get("/token-works")
async def token_works(me: Me) -> dict[str, bool]:
    """Call Google with this, today and in a year, whether the person is here or not."""
    return {"works": bool(await me.access_token("calendar"))}
