"""Errors of speech synthesis.

Their messages and details never contain the text, which may have event titles.
"""

from collections.abc import Iterable

from catflap.errors import BadRequest, OperatorMustAct, TryAgain
from catflap.installer import install_command


class SpeechFailed(TryAgain):
    """An engine crashed, hung or returned no sound; the next call restarts it."""


class NoVoice(OperatorMustAct):
    """No engine for a language is installed."""

    def __init__(self, *languages: str) -> None:
        extras = [{"ja": "mia", "en": "english"}.get(language, language) for language in languages]
        names = " or ".join(f"'{language}'" for language in languages)
        super().__init__(
            "no_voice", f"No voice for language {names} is installed: {install_command(*extras)}."
        )


class UnknownDialect(BadRequest):
    """There is no phrasebook with this id.

    Args:
        known: The ids that there are.
    """

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__("unknown_dialect", f"There is no such dialect; there are {', '.join(known)}.")


class NothingToSay(BadRequest):
    """The text has nothing that can be pronounced."""

    def __init__(self) -> None:
        super().__init__("nothing_to_say", "There is nothing in this text that can be spoken.")
