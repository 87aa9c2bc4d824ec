"""Which of eSpeak NG's voices says which stretch of a text.

An English voice reads foreign letters by their names ("Arabic letter meem"), which nobody understands. The
language of a title is known; of other texts, each alphabet is said in the language that most often has it.
"""

from itertools import groupby

from catflap.speech.title_language import alphabet, languages, languages_of

# What eSpeak NG calls otherwise.
_NAMES = {"zh": "cmn"}
SPOKEN = languages() - {"ja"}


def by_voice(text: str, usual: str, spoken_in: str = "") -> list[tuple[str, str]]:
    """The text in stretches, each with its voice.

    Args:
        text: What to say.
        usual: The voice for what has no language of its own; its variant (`+f4`) is that of all.
        spoken_in: The language of the text, if it is known and not that of `usual`.
    """
    variant = usual[usual.find("+") :] if "+" in usual else ""
    own = voice_of(spoken_in) + variant if spoken_in in SPOKEN else usual
    voices: list[str] = []
    for char in text:
        if char.isalpha():
            known = languages_of(alphabet(char))
            if spoken_in in known:
                voices.append(own)
            elif not known or "en" in known:
                voices.append(usual)
            else:
                voices.append(voice_of(known[0]) + variant)
        else:
            # Numbers, marks and spaces are the language's own, or stay with the letters before them.
            voices.append(own if spoken_in or not voices else voices[-1])
    pairs = zip(voices, text, strict=True)
    return [
        (voice, "".join(char for _, char in group)) for voice, group in groupby(pairs, lambda pair: pair[0])
    ]


def voice_of(language: str) -> str:
    """The name of eSpeak NG's voice for a language."""
    return _NAMES.get(language, language)
