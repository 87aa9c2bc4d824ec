"""How the reading dictionary of a user changes the texts of announcements."""

from catflap.announcements.facts import Facts
from catflap.announcements.planned import Wording, announced_title
from catflap.announcements.planning import plan
from catflap.announcements.preferences import Preferences
from catflap.speech import Title, say_start
from tests.support.occurrences import HOUR, NOON, QUIET, timed

READINGS = {"SRE": "es are ee", "小鳥遊": "たかなし"}


def wording(title: Title) -> Wording:
    return Wording(say_start, ("kitten", [title], NOON))


def test_a_title_has_the_readings_of_its_words() -> None:
    title = announced_title(timed("SRE sync", NOON), Preferences(), READINGS)
    assert title.readings == (("SRE", "es are ee"),)
    assert wording(title).utterance.spoken != wording(Title("SRE sync")).utterance.spoken
    assert announced_title(timed("SRE sync", NOON), Preferences()).readings == ()


def test_a_private_title_has_none() -> None:
    title = announced_title(timed("SRE sync", NOON, private=True), Preferences(), READINGS)
    assert (title.text, title.readings) == ("", ())


def test_a_change_of_the_dictionary_changes_only_the_wordings_with_its_words() -> None:
    before, after = ({**READINGS, "SRE": reading} for reading in ("es are ee", "site reliability"))
    for text, changes in (("SRE sync", True), ("小鳥遊さん", False), ("Lunch", False)):
        first, second = (
            wording(announced_title(timed(text, NOON), Preferences(), readings))
            for readings in (before, after)
        )
        assert (first.fingerprint != second.fingerprint) == changes


def test_a_plan_with_readings_has_the_same_announcements_and_other_words() -> None:
    occurrences = [
        timed(title, NOON + hours * HOUR)
        for hours, title in enumerate(("SRE sync", "Lunch", "小鳥遊さんと面談", "SRE"), 2)
    ]
    without, with_readings = (
        plan(occurrences, QUIET, NOON, facts=Facts(readings=readings)) for readings in ({}, READINGS)
    )
    assert len(without) == len(occurrences)
    same = [(one.key, one.language, one.voice, one.display) for one in without]
    assert [(one.key, one.language, one.voice, one.display) for one in with_readings] == same
    changed = [one.spoken != other.spoken for one, other in zip(without, with_readings, strict=True)]
    assert changed == [True, False, True, True]
    assert "es are ee" in with_readings[0].spoken
    assert "タカナシ" in with_readings[2].spoken
