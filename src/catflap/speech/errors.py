"""What can go wrong between words and sound, as errors of Catflap's tree.

Messages and details never hold the words themselves: they may be somebody's event titles.
"""

from catflap.errors import BadRequest, OperatorMustAct, TryAgain


class SpeechFailed(TryAgain):
    """An engine crashed, hung or gave no sound; the next call starts it afresh."""


class NoVoice(OperatorMustAct):
    """No engine for a language is installed."""

    def __init__(self, *languages: str) -> None:
        extras = ",".join({"ja": "mia", "en": "english"}.get(language, language) for language in languages)
        names = " or ".join(f"'{language}'" for language in languages)
        super().__init__(
            "no_voice", f"No voice for language {names} is installed: pip install 'catflap[{extras}]'."
        )


class UnknownDialect(BadRequest):
    """No phrasebook has this id."""

    def __init__(self) -> None:
        super().__init__("unknown_dialect", "There is no such dialect.")


class NothingToSay(BadRequest):
    """After cleaning, no word is left that could be spoken."""

    def __init__(self) -> None:
        super().__init__("nothing_to_say", "There is nothing in this text that can be spoken.")
