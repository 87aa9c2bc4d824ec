"""The routes by which people and their apps come in and go out, for our own application and for others'."""

from collections.abc import Collection

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from catflap.web import accounts, backends, codes, mobile, signin

PASSAGES = (signin.router, codes.router, mobile.router, accounts.router, backends.router)


def allow_pages(app: FastAPI, origins: Collection[str]) -> None:
    """Let pages of the allowed origins read what we answer them, cookies included."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Content-Type", "X-Requested-With", "X-CSRF-Token", "Authorization"],
        )
