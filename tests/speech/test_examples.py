"""What is said to somebody who chooses a voice."""

import pytest

from catflap.speech import UnknownDialect, dialects, examples_by_talkativeness, say_example
from catflap.speech.sentences import fits

DIALECTS = [dialect.id for dialect in dialects()]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_example_is_what_the_list_of_dialects_shows(dialect: str) -> None:
    (example,) = [one.example for one in dialects() if one.id == dialect]
    said = say_example(dialect)
    assert (said.display, said.dialect) == (example, dialect)
    assert said.spoken and fits(said)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_manners_of_one_reminder_differ_and_fit_into_a_sound(dialect: str) -> None:
    said = examples_by_talkativeness(dialect)
    assert list(said) == ["brief", "normal", "chatty"]
    assert len({one.spoken for one in said.values()}) == 3
    assert all(fits(one) for one in said.values())
    assert {say_example(dialect, talk) for talk in said} == set(said.values())


def test_an_example_is_spoken_with_the_spellings_of_its_phrasebook() -> None:
    assert "12:30 pm" in say_example("kitten").display
    assert "12:30 pm" not in say_example("kitten").spoken


def test_there_is_no_example_of_an_unknown_dialect() -> None:
    for talk in (None, "brief"):
        with pytest.raises(UnknownDialect):
            say_example("klingon", talk)
