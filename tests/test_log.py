"""Logging: what is logged of libraries, and what is not."""

import logging

from structlog.testing import capture_logs

from catflap.log import LibraryHandler

CANARY = "1//a-refresh-token"


def test_an_exception_of_a_library_is_logged_without_its_message() -> None:
    logger = logging.Logger("library")
    logger.addHandler(LibraryHandler())
    with capture_logs() as lines:
        try:
            raise ValueError(f"Key (token)=({CANARY}) already exists")
        except ValueError:
            logger.exception("while handling %s", CANARY)
        logger.warning("token %s", CANARY)
        logger.warning("plain words")
    assert CANARY not in str(lines)
    assert lines[0]["error"] == "ValueError"
    assert lines[0]["at"].startswith("test_an_exception_of_a_library_is_logged_without_its_message:")
    assert lines[2]["message"] == "plain words"
