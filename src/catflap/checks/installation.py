"""What checks look at."""

from dataclasses import dataclass

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import Clock
from catflap.settings import Settings


@dataclass(frozen=True)
class Installation:
    """The settings, the clock of this machine, and HTTP."""

    settings: Settings
    clock: Clock
    http: httpx2.AsyncClient


@dataclass(frozen=True)
class Database:
    """The database, as the roles of the app and of the vault see it."""

    app: AsyncEngine
    vault: AsyncEngine
