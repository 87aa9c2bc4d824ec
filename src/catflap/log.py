"""Structured logging to standard error, without codes, tokens, keys, states or event titles.

The text of a library's exception may quote anything (PostgreSQL quotes the row), so only the type and the
place of an exception are logged, also when a library logs it.
"""

import logging
import sys
import traceback

import structlog

log = structlog.get_logger("catflap")


class LibraryHandler(logging.Handler):
    """Handler for the log records of libraries, reduced to what can't hold user data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log logger, level and place; the message only when it has no arguments."""
        kind, _, trail = record.exc_info or (None, None, None)
        log.log(
            record.levelno,
            "library_log",
            logger=record.name,
            message=record.msg if isinstance(record.msg, str) and kind is None and not record.args else None,
            error=kind.__name__ if kind else None,
            at=place(trail) if trail else f"{record.module}:{record.lineno}",
        )


def place(trail: object) -> str:
    """Return where an exception was raised: function and line of its last frame."""
    frame = traceback.extract_tb(trail)[-1]  # type: ignore[arg-type]
    return f"{frame.name}:{frame.lineno}"


def configure(log_format: str, level: str) -> None:
    """Configure logging, once per process: readable lines (`console`) or JSON (`json`)."""
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
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryHandler()], force=True)
