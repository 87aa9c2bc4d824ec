"""Settings of one process among several: connections to the database, limits of time, how it ends."""

from typing import Self

from pydantic import Field
from pydantic_settings import BaseSettings

# What people and proxies wait for; a statement of a request takes milliseconds.
SECONDS_OF_REQUESTS = 5.0


class ProcessSettings(BaseSettings):
    """Settings of a process, a part of `catflap.settings.Settings`."""

    database_pool: int = Field(default=10, ge=1, le=200)
    database_timeout: float | None = Field(default=None, ge=1, le=300)
    drain_seconds: float = Field(default=0.0, ge=0, le=300)
    grace_seconds: float = Field(default=5.0, ge=0, le=300)
    health_port: int | None = Field(default=None, ge=0, le=65535)

    def with_timeout_of_requests(self) -> Self:
        """Return the same for a process that answers requests: a statement takes as long as people wait."""
        return self.model_copy(update={"database_timeout": self.database_timeout or SECONDS_OF_REQUESTS})
