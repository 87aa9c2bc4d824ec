"""Structured lines on standard error, and never a code, token, key, state or event title among them."""

import logging
import sys

import structlog

log = structlog.get_logger("catflap")


def configure(log_format: str, level: str) -> None:
    """Set up structlog once per process, for people (`console`) or for machines (`json`)."""
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(
                fmt="%H:%M:%S" if log_format == "console" else "iso", utc=log_format == "json"
            ),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
