"""In which voice a text is spoken, as a user chose it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VoiceChoice:
    """A choice of a voice. What it sounds like depends on the engines of the installation, too.

    Args:
        dialect: Id of the phrasebook, which has the settings of its voice.
    """

    dialect: str
