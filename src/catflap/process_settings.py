"""Settings of one process among several: connections to the database, limits of time, its end, its traces."""

from typing import Self

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings

from catflap.setting_urls import checked_url

# Read without our prefix, as OpenTelemetry's specification names it.
OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

# What people and proxies wait for; a statement of a request takes milliseconds.
_SECONDS_OF_REQUESTS = 5.0
# Jobs have the same pool there, and a burst of them may wait longer for a connection.
_SECONDS_WITH_JOBS = 10.0


class ProcessSettings(BaseSettings):
    """Settings of a process, a part of `catflap.settings.Settings`."""

    database_pool: int = Field(default=10, ge=1, le=200)
    database_timeout: float | None = Field(default=None, ge=1, le=300)
    drain_seconds: float = Field(default=0.0, ge=0, le=300)
    grace_seconds: float = Field(default=5.0, ge=0, le=300)
    health_port: int | None = Field(default=None, ge=0, le=65535)
    otel_exporter_otlp_endpoint: str = Field(
        default="", validation_alias=AliasChoices("otel_exporter_otlp_endpoint", OTLP_ENDPOINT)
    )

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _collector(cls, url: str) -> str:
        return checked_url(url.strip(), private=True).rstrip("/") if url.strip() else ""

    def for_requests(self, *, with_jobs: bool) -> Self:
        """Return the same for a process that answers requests: a statement takes as long as people wait."""
        usual = _SECONDS_WITH_JOBS if with_jobs else _SECONDS_OF_REQUESTS
        return self.model_copy(update={"database_timeout": self.database_timeout or usual})
