"""Check a phrasebook file: its format, the number and length of its variants, and how the engine reads it.

The golden readings of `kansai.toml` are in `kansai.readings.toml` beside it. The engine wrote them and a
person checked them, so that no new version of the engine, or spelling, changes a reading unnoticed.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from catflap.speech import japanese
from catflap.speech.language import Language
from catflap.speech.phrasebook_format import PARTS, REQUIRED
from catflap.speech.phrasebook_values import filled, replacements, usual_values
from catflap.speech.phrasebooks import InvalidPhrasebook, Phrase, Phrasebook, is_phrasebook, parse

MIN_VARIANTS = 5
# Seconds of speech of the longest sentence, with the values below.
_MAX_SECONDS: Mapping[str, float] = {
    **dict.fromkeys(("before_one", "before_many", "before_hours", "start", "late", "late_now"), 6.0),
    **dict.fromkeys(("leave", "countdown", "moved", "cancelled"), 6.0),
    **dict.fromkeys(("brief_before", "brief_hours", "brief_start", "brief_one", "brief_many"), 4.5),
    **dict.fromkeys(("remark", "brief_nothing"), 4.0),
}
_MAX_SENTENCE = 7.5
# Moras, or letters, in a second of speech, as measured.
_PER_SECOND: Mapping[Language, float] = {"ja": 7.8, "en": 15.0}

_READINGS_HEADING = """\
# How OpenJTalk reads the phrases of {name}, with 会議, 午後3時半, 10 minutes or 2½ hours, 24 November.
# Written by `catflap phrases check --update`; read each line that it changes before you commit it.

"""

Readings = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a phrasebook.

    Args:
        file: The name of the file.
        key: Where in it; "" for the file as a whole.
        message: What is wrong, and what to do.
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.file, self.key, self.message)))


def shipped_phrasebooks() -> list[Path]:
    """Return the files of the phrasebooks that Catflap brings."""
    with as_file(files("catflap").joinpath("phrasebooks")) as folder:
        return sorted(file for file in folder.iterdir() if is_phrasebook(file.name))


def load(file: Path) -> Phrasebook | list[Problem]:
    """Return the phrasebook in a file, or why it is none."""
    try:
        return parse(file.read_text("utf-8"), file.name)
    except InvalidPhrasebook as error:
        return [Problem(file.name, key, message) for key, message in error.problems]
    except UnicodeDecodeError:
        return [Problem(file.name, "", "is not UTF-8; save it as UTF-8")]
    except OSError as error:
        return [Problem(file.name, "", f"can't be read ({error.strerror}); give the path of a phrasebook")]


def check_words(book: Phrasebook, file: Path) -> Iterator[Problem]:
    """Yield what is wrong with the sentences of a phrasebook."""
    if book.dialect.id != file.stem:
        yield Problem(file.name, "id", f'must be the name of the file, "{file.stem}"')
    for kind, variants in book.phrases.items():
        distinct = len({phrase.display for phrase in variants})
        if distinct < len(variants):
            yield Problem(file.name, kind, "has the same variant twice; change one")
        if kind not in PARTS and distinct < MIN_VARIANTS:
            yield Problem(file.name, kind, f"has {distinct} of at least {MIN_VARIANTS} variants; add some")
        limit = _MAX_SECONDS.get(kind, _MAX_SENTENCE)
        for key, phrase in _numbered(kind, variants):
            if (seconds := _seconds(book, kind, phrase)) > limit:
                text = f"takes about {seconds:.1f} s of at most {limit:g} s to say; shorten it"
                yield Problem(file.name, key, text)
    texts = [phrase.display for variants in book.phrases.values() for phrase in variants]
    for word in book.respelled:
        if not any(word in text for text in texts):
            yield Problem(file.name, f"spoken.{word}", "is in no phrase; remove it")


def read_phrases(book: Phrasebook, reading: Callable[[str], str]) -> Readings:
    """Return how `reading` reads each phrase of a phrasebook."""
    return {
        kind: [reading(filled(phrase, usual_values(book, kind))) for phrase in variants]
        for kind, variants in book.phrases.items()
    }


def readings_file(file: Path) -> Path:
    """Return the file with the golden readings of a phrasebook."""
    return file.with_suffix(".readings.toml")


def check_readings(book: Phrasebook, file: Path, found: Readings) -> Iterator[Problem]:
    """Yield the phrases that are read in another way than their golden reading."""
    golden_file = readings_file(file)
    try:
        golden = tomllib.loads(golden_file.read_text("utf-8"))
    except FileNotFoundError:
        yield Problem(golden_file.name, "", "is missing; write it with --update, and read it")
        return
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        yield Problem(golden_file.name, "", f"can't be read ({error}); write it anew with --update")
        return
    for kind in golden.keys() - found.keys():
        yield Problem(golden_file.name, kind, "is no kind of phrase; remove it with --update")
    for kind, now in found.items():
        meant = golden.get(kind, [])
        if len(meant) != len(now):
            text = f"has {len(meant)} readings for {len(now)} variants; add them with --update, and read them"
            yield Problem(golden_file.name, kind, text)
            continue
        for (key, phrase), is_read, should in zip(
            _numbered(kind, book.phrases[kind]), now, meant, strict=True
        ):
            if is_read != should:
                text = (
                    f"“{phrase.display}” is read {is_read}, not {should}; respell it in [spoken], or --update"
                )
                yield Problem(file.name, key, text)


def check_other_values(
    book: Phrasebook, file: Path, found: Readings, reading: Callable[[str], str]
) -> Iterator[Problem]:
    """Yield the Japanese phrases in which another value of a placeholder changes how they are read."""
    alone = cache(reading)
    for kind, variants in book.phrases.items():
        values = usual_values(book, kind)
        for (key, phrase), usual in zip(_numbered(kind, variants), found[kind], strict=True):
            for others, (value, other) in replacements(phrase, values):
                should = usual.replace(alone(value), alone(other))
                is_read = reading(filled(phrase, others))
                if is_read != should:
                    text = (
                        f"“{phrase.display}” is read {is_read} with {other}, not {should}; use another word"
                    )
                    yield Problem(file.name, key, text)
                    break


def readings_text(file: Path, found: Readings) -> str:
    """Return the content of the file with the golden readings."""
    lines = [f"{kind} = [\n" + "".join(f'    "{one}",\n' for one in found[kind]) + "]\n" for kind in REQUIRED]
    return _READINGS_HEADING.format(name=file.name) + "".join(lines)


def _numbered(kind: str, variants: Sequence[Phrase]) -> Iterator[tuple[str, Phrase]]:
    for number, phrase in enumerate(variants, 1):
        yield kind + (f", variant {number}" if len(variants) > 1 else ""), phrase


def _seconds(book: Phrasebook, kind: str, phrase: Phrase) -> float:
    """Return about how long a sentence takes."""
    spoken = filled(phrase, usual_values(book, kind))
    language = book.dialect.language
    cost = sum(map(japanese.moras, spoken)) if language == "ja" else len(spoken)
    return cost / _PER_SECOND[language]
