"""Choose eSpeak NG's voice for each part of a text by its alphabet.

An English voice reads foreign letters by their names ("Arabic letter meem"). The language of a title is
known; in other texts, each alphabet is spoken in the language that uses it most.
"""

from itertools import groupby

from catflap.speech.title_language import alphabet, languages, languages_of

# Languages with another name in eSpeak NG.
_NAMES = {"zh": "cmn"}
SUPPORTED_LANGUAGES = languages() - {"ja"}


def split_by_voice(text: str, default: str, spoken_in: str = "") -> list[tuple[str, str]]:
    """Split a text into parts, each with its voice.

    Args:
        text: The text.
        default: The voice for text without another language; all voices get its variant (`+f4`).
        spoken_in: The language of the text, if it is known and not that of `default`.
    """
    variant = default[default.find("+") :] if "+" in default else ""
    own = voice_for(spoken_in) + variant if spoken_in in SUPPORTED_LANGUAGES else default
    voices: list[str] = []
    for char in text:
        if char.isalpha():
            known = languages_of(alphabet(char))
            if spoken_in in known:
                voices.append(own)
            elif not known or "en" in known:
                voices.append(default)
            else:
                voices.append(voice_for(known[0]) + variant)
        else:
            # Numbers, punctuation and spaces get the voice of the text, else that of the letters before them.
            voices.append(own if spoken_in or not voices else voices[-1])
    pairs = zip(voices, text, strict=True)
    return [
        (voice, "".join(char for _, char in group)) for voice, group in groupby(pairs, lambda pair: pair[0])
    ]


def voice_for(language: str) -> str:
    """Return the name of eSpeak NG's voice for a language."""
    return _NAMES.get(language, language)
