"""The words of the measure `speech.understood`: what is said, and how it is compared with what was heard."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.intelligibility import recognisers, sentences, word_errors
from bench.intelligibility.word_errors import Score, score
from catflap.speech.phrasebooks import phrasebook

DICTIONARY = """two T UW
too T UW
cancelled K AE N S AH L D
canceled K AE N S AH L D
read R EH D
read(2) R IY D
red R EH D
"""


@pytest.fixture
def sounds(tmp_path: Path) -> word_errors.Sounds:
    file = tmp_path / "cmudict.dict"
    file.write_text(DICTIONARY)
    return word_errors.read_dictionary(file)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("It's half past three.", "its half past 3"),
        ("3 appointments, at five o'clock", "Three appointments at 5 o'clock."),
        ("Tuesday, November 24th", "tuesday november twenty fourth"),
        ("the 30th, the 12th, the 2nd, the 23rd", "the thirtieth the twelfth the second the twenty-third"),
        ("in 110 minutes, room 2014", "in one hundred ten minutes, room two thousand fourteen"),
        ("I'll keep it, let's go, you can't", "I will keep it let us go you cannot"),
        ("Daily standup", "daily stand up"),
        ("S R E on call", "SRE on-call"),
        ("Café", "cafe"),
        ("Mornin', ye sea cat, man yer posts", "morning you sea cat man your posts"),
        ("two cancelled", "too canceled"),
        ("read", "red"),
    ],
)
def test_what_is_spelled_differently_is_understood(said: str, heard: str, sounds: word_errors.Sounds) -> None:
    result = score(said, heard, sounds)
    assert result.wrong == 0
    assert result.understood == result.said == len(word_errors.words(said))


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("one two three", "", Score(3, 0, 3)),
        ("", "one", Score(0, 0, 1)),
        ("team lunch at noon", "team lunch noon", Score(4, 3, 1)),
        ("team lunch at noon", "team launch at the noon", Score(4, 3, 2)),
        ("two", "red", Score(1, 0, 1)),
        ("standup", "stand down", Score(1, 0, 2)),
    ],
)
def test_what_is_left_out_added_or_replaced_is_wrong(
    said: str, heard: str, expected: Score, sounds: word_errors.Sounds
) -> None:
    assert score(said, heard, sounds) == expected


def test_scores_add_up_by_words() -> None:
    total = Score(10, 9, 1) + Score(30, 15, 20)
    assert (total.share, total.error_rate) == (60.0, 52.5)
    assert (Score().share, Score().error_rate) == (0.0, 0.0)


def test_the_words_that_were_misheard_are_counted(sounds: word_errors.Sounds) -> None:
    pairs = [("a cat at noon", "a hat at noon"), ("the cat", "the"), ("standup at two", "stand up at too")]
    assert word_errors.misheard(pairs, sounds) == {"cat": 2}


@pytest.mark.parametrize("dialect", sentences.english_dialects())
def test_every_phrase_and_every_title_is_said_in_each_dialect(dialect: str) -> None:
    said = sentences.sentences(dialect)
    kinds = [one.kind for one in said]
    assert len(set(kinds)) == len(kinds)
    phrases = phrasebook(dialect).phrases
    assert {f"{kind} {n}" for kind in phrases for n in range(1, len(phrases[kind]) + 1)} <= set(kinds)
    assert not any(set("{}") & set(one.spoken) for one in said)
    texts = "\n".join(one.spoken for one in said)
    assert len(sentences.all_titles()) == len(set(sentences.all_titles())) == 50
    assert "Dentist appointment" in texts
    assert "Coffee with Michael" in texts


def test_a_sample_is_spread_over_all_sentences() -> None:
    said = sentences.sentences("plain")
    chosen = sentences.sample(said, 7)
    assert len(chosen) == 7
    assert chosen == [one for one in said if one in chosen]
    assert {one.kind.split()[0] for one in chosen} > {"before_one"}
    assert sentences.sample(said, None) == sentences.sample(said, 10_000) == said


PROGRAM = """import json, struct, sys
print(json.dumps({"name": sys.argv[2] if len(sys.argv) > 2 else "counter 1"}), flush=True)
count = 0
while header := sys.stdin.buffer.read(4):
    pcm = sys.stdin.buffer.read(struct.unpack(">I", header)[0])
    if pcm == b"end":
        sys.exit(1)
    count += 1
    print(json.dumps(f"{count} {pcm.decode()}"), flush=True)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    monkeypatch.setattr(recognisers, "PROGRAM", program)
    yield tmp_path / "kept" / "recognised.jsonl"


def opened(cache: Path) -> recognisers.Recogniser:
    return recognisers.Recogniser("whisper", cache, Path(sys.executable))


def test_a_sound_is_recognised_once_also_after_an_interrupted_run(cache: Path) -> None:
    with opened(cache) as one:
        assert [one.hear(b"a"), one.hear(b"b"), one.hear(b"a")] == ["1 a", "2 b", "1 a"]
    with cache.open("a") as file:
        file.write('\n["cut o')
    with opened(cache) as other:
        assert [other.hear(b"b"), other.hear(b"c")] == ["2 b", "1 c"]
    with opened(cache) as last:
        assert last.hear(b"c") == "1 c"


def test_another_version_of_a_recogniser_is_asked_again(cache: Path) -> None:
    cache.parent.mkdir()
    with opened(cache) as one:
        one.hear(b"a")
    key, text = json.loads(cache.read_text())
    cache.write_text(json.dumps([f"{key[:-1]}x", text]) + "\n")
    with opened(cache) as other:
        assert other.hear(b"b") == "1 b"
        assert other.hear(b"a") == "2 a"


def test_a_recogniser_that_ends_is_an_error_that_names_it(cache: Path) -> None:
    with opened(cache) as one, pytest.raises(RuntimeError, match="whisper has ended"):
        one.hear(b"end")


def test_missing_recognisers_are_an_error_that_tells_how_to_install_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make recognisers"):
        recognisers.check_installed(tmp_path / "python")
