"""Phrasebooks: shipped ones are complete, invalid ones rejected with every reason, and variants alternate."""

import re
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest

from catflap.announcements.planned import phrase_seed
from catflap.speech import dialects, language_of, say_before, say_briefing, say_start
from catflap.speech.phrasebook_format import PARTS, REQUIRED
from catflap.speech.phrasebooks import InvalidPhrasebook, is_phrasebook, parse, phrasebook

FOLDER = files("catflap").joinpath("phrasebooks")
BOOKS = sorted(file.name for file in FOLDER.iterdir() if is_phrasebook(file.name))
DIALECTS = [dialect.id for dialect in dialects()]
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
PLAIN = FOLDER.joinpath("plain.toml").read_text("utf-8")


def problems(text: str) -> tuple[tuple[str, str], ...]:
    with pytest.raises(InvalidPhrasebook) as caught:
        parse(text, "my.toml")
    return caught.value.problems


def changed(kind: str, value: str) -> str:
    return re.sub(rf"(?ms)^{kind} = (\[.*?^\]|.*?)$", f"{kind} = {value}", PLAIN, count=1)


@pytest.mark.parametrize("name", BOOKS)
def test_each_phrasebook_is_complete_and_has_its_placeholders(name):
    book = parse(FOLDER.joinpath(name).read_text("utf-8"), name)
    assert book.phrases.keys() == REQUIRED.keys()
    assert f"{book.dialect.id}.toml" == name
    everything = [phrase for variants in book.phrases.values() for phrase in variants]
    assert language_of("".join(phrase.display for phrase in everything)) == book.dialect.language
    for phrase in everything:
        shown = [field for _, field, _, _ in Formatter().parse(phrase.display) if field]
        heard = [field for _, field, _, _ in Formatter().parse(phrase.spoken) if field]
        assert shown == heard


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", sorted(REQUIRED.keys() - PARTS))
def test_each_sentence_has_five_variants(dialect, kind):
    assert len({phrase.display for phrase in phrasebook(dialect).phrases[kind]}) >= 5


def test_every_problem_of_a_phrasebook_is_told_with_its_key():
    assert problems(changed("start", '"Go!"')) == (("start", "lacks {titles}"),)
    assert problems(changed("start", '["Now: {titles}", "{titel}!"]')) == (
        ("start, variant 2", "has the unknown placeholder {titel}; it may have {titles}"),
    )
    assert problems(changed("start", '"{titles!r}"')) == (
        ("start", "has a placeholder with a format; write only its name"),
    )
    assert problems(changed("start", '"{titles.text}"'))[0][1].startswith("has the unknown placeholder")
    assert problems(changed("start", '"{titles"'))[0][1].startswith("has unbalanced braces")
    assert problems(changed("start", "5")) == (("start", "must be a sentence"),)
    assert problems(changed("start", "[]")) == (("start", "has no variant"),)
    assert [key for key, _ in problems(PLAIN.replace("\nprivate =", "\npivate ="))] == ["private", "pivate"]
    found = problems(PLAIN.replace("\nstart =", "\nstrat ="))
    assert [(key, text.split(";")[0]) for key, text in found] == [
        ("start", "is missing"),
        ("strat", "is no kind of phrase"),
    ]
    assert problems(PLAIN.replace('language = "en"', 'language = "fr"'))[0][0] == "language"
    assert problems(PLAIN + '\n[spoken]\n"{time}" = "now"')[0][0] == "spoken.{time}"
    assert problems("id = ")[0][1].startswith("is no TOML")


def test_the_message_names_file_and_key():
    with pytest.raises(InvalidPhrasebook, match=r"^my\.toml: start: lacks \{titles\}$"):
        parse(changed("start", '"Go!"'), "my.toml")


def test_the_phrasebook_in_the_guide_works():
    guide = Path(__file__).parents[2] / "docs" / "phrasebooks.md"
    example = re.findall("```toml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)[0]
    assert parse(example, "the guide").dialect.id == "sheriff"


def test_spellings_for_the_engine_replace_whole_words_and_no_placeholder():
    spoken = '\n[spoken]\n"time" = "thyme"\n"It" = "Hit"\n"It\'s time" = "Now"\n'
    book = parse(
        changed("start", '["It\'s time: {titles} at {time}.", "Itchy time, {titles}"]') + spoken, "x"
    )
    assert [phrase.spoken for phrase in book.phrases["start"]] == [
        "Now: {titles} at {time}.",
        "Itchy thyme, {titles}",
    ]
    assert book.phrase("start").display == "It's time: {titles} at {time}."


@pytest.mark.parametrize("minutes", [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 24 * 60, 7 * 24 * 60])
def test_neighbours_differ_and_a_retry_says_the_same(minutes):
    times = [AT + timedelta(minutes=number * minutes) for number in range(5)]
    said = [say_before("kansai", ["会議"], AT, 10, seed=phrase_seed(at)).display for at in times]
    assert all(one != other for one, other in pairwise(said))
    assert said == [say_before("kansai", ["会議"], AT, 10, seed=phrase_seed(at)).display for at in times]
    starts = [say_start("pirate", ["Lunch"], AT, seed=phrase_seed(at)) for at in times]
    assert all(one != other for one, other in pairwise(starts))


def test_every_variant_is_heard():
    text = changed("start", str([f"{number} {{titles}}" for number in range(12)]))
    book = parse(text, "x")
    seeds = [phrase_seed(AT + timedelta(days=day)) for day in range(60)]
    assert {book.phrase("start", seed) for seed in seeds} == set(book.phrases["start"])


def test_greeting_and_appointments_of_a_briefing_meet_in_all_combinations():
    days = [AT + timedelta(days=number) for number in range(25)]
    said = {say_briefing("plain", AT.date(), [], 2, AT, seed=phrase_seed(at)).display for at in days}
    assert len(said) == 25
