"""Structured lines on standard error, and never a code, token, key, state or event title among them.

The text of a foreign exception may quote anything (PostgreSQL quotes the row), so of an exception only its
kind and its place are told, also when a library logs it.
"""

import logging
import sys
import traceback

import structlog

log = structlog.get_logger("catflap")


class Foreign(logging.Handler):
    """What libraries log, cut down to what can't hold anybody's words."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell who spoke, how loudly, and where; the message itself only when nothing was filled in."""
        kind, _, trail = record.exc_info or (None, None, None)
        log.log(
            record.levelno,
            "library_said",
            logger=record.name,
            said=record.msg if isinstance(record.msg, str) and kind is None and not record.args else None,
            error=kind.__name__ if kind else None,
            at=place(trail) if trail else f"{record.module}:{record.lineno}",
        )


def place(trail: object) -> str:
    """Where an exception was raised: function and line of its last frame."""
    frame = traceback.extract_tb(trail)[-1]  # type: ignore[arg-type]
    return f"{frame.name}:{frame.lineno}"


def configure(log_format: str, level: str) -> None:
    """Set up logging once per process, for people (`console`) or for machines (`json`)."""
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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[Foreign()], force=True)
