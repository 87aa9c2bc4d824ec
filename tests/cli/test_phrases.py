"""`catflap phrases`: shipped phrasebooks are in order, each problem of another is told, and all are heard."""

import re
import shutil
import wave
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from catflap.cli import phrases
from catflap.cli.listening import samples
from catflap.errors import OperatorMustAct
from catflap.speech import dialects
from catflap.speech.phrasebooks import phrasebook

FOLDER = Path(str(files("catflap"))) / "phrasebooks"


def check(*arguments: object) -> Result:
    return CliRunner().invoke(phrases.cli, ["check", *map(str, arguments)])


def listen(*arguments: object) -> Result:
    return CliRunner().invoke(phrases.cli, ["listen", *map(str, arguments)])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of a shipped phrasebook with its golden readings."""
    shutil.copy(FOLDER / "kansai.readings.toml", tmp_path)
    return Path(shutil.copy(FOLDER / "kansai.toml", tmp_path))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_the_shipped_phrasebooks_are_in_order() -> None:
    result = check()
    assert (result.exit_code, result.stdout) == (0, "14 phrasebooks are in order.\n")


def test_a_changed_reading_is_told_and_can_be_accepted(book: Path) -> None:
    replace(book, '"はよ行かなあかんで" = "ハヨ行かなアカンで"\n', "")
    result = check(book)
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith(
        "kansai.toml: start, variant 1: “ほな、{titles}の時間やで。はよ行かなあかんで!” is read "
    )
    assert "not ホナカイギノジカンヤデハヨイカナアカンデ; respell it in [spoken], or --update" in line
    assert "written; read what has changed" in check(book, "--update").stderr
    assert check(book).exit_code == 0
    assert check(book, "--update").stderr == ""


def test_a_phrase_that_is_read_in_another_way_with_another_value_is_told(book: Path) -> None:
    replace(book, "{titles}まで、のこり{span}やで。", "{titles}まで、のこり{span}ばい。")
    check(book, "--update")
    assert [line.split("; ")[0] for line in check(book).stdout.splitlines()] == [
        "kansai.toml: countdown, variant 1: “{titles}まで、のこり{span}ばい。” is read "
        "カイギマデノコリニジカンナカバイ with 2時間半, not カイギマデノコリニジカンハンバイ",
    ]


def test_golden_readings_that_are_missing_or_too_few_are_told(book: Path) -> None:
    golden = book.with_suffix(".readings.toml")
    replace(book, "\nstart = [\n", '\nstart = [\n    "いまや、{titles}や!",\n')
    replace(golden, "greeting", "greetings")
    assert sorted(line.split(";")[0] for line in check(book).stdout.splitlines()) == [
        "kansai.readings.toml: greeting: has 0 readings for 5 variants",
        "kansai.readings.toml: greetings: is no kind of phrase",
        "kansai.readings.toml: start: has 5 readings for 6 variants",
    ]
    golden.unlink()
    assert check(book).stdout == "kansai.readings.toml: is missing; write it with --update, and read it\n"
    golden.write_text("[", "utf-8")
    assert "kansai.readings.toml: can't be read" in check(book).stdout


def test_too_few_variants_long_sentences_and_idle_spellings_are_told(tmp_path: Path) -> None:
    file = Path(shutil.copy(FOLDER / "pirate.toml", tmp_path / "privateer.toml"))
    replace(file, '    "One minute! {Titles}! All hands on deck!",\n', "")
    replace(file, "Drop anchor! {Titles}, starting now!", "Drop anchor! {Titles}" + ", ahoy" * 20)
    replace(file, "Hoist the sails! {Titles}, starting now!", "All paws on deck: {titles}, starting now!")
    file.write_text(file.read_text("utf-8") + '\n[spoken]\n"scurvy" = "skurvy"\n', "utf-8")
    said = check(file).stdout
    assert [line.split(" takes")[0] for line in said.splitlines()] == [
        'privateer.toml: id: must be the name of the file, "privateer"',
        "privateer.toml: before_one: has 4 of at least 5 variants; add some",
        "privateer.toml: start: has the same variant twice; change one",
        "privateer.toml: start: has 4 of at least 5 variants; add some",
        "privateer.toml: start, variant 5:",
        "privateer.toml: spoken.scurvy: is in no phrase; remove it",
    ]
    assert "s of at most 6 s to say; shorten it" in said


def test_an_invalid_file_is_told_with_every_reason(tmp_path: Path) -> None:
    file = Path(shutil.copy(FOLDER / "plain.toml", tmp_path))
    replace(file, "\nnothing = [", "\nnothin = [")
    replace(file, "Cancelled: {titles} at {time}.", "Cancelled: {title} at {time}.")
    assert [line.split(";")[0] for line in check(file).stdout.splitlines()] == [
        "plain.toml: nothing: is missing",
        "plain.toml: nothin: is no kind of phrase",
        "plain.toml: cancelled, variant 1: has the unknown placeholder {title}",
    ]
    file.write_bytes(b"\xff")
    assert check(file).stdout == "plain.toml: is not UTF-8; save it as UTF-8\n"
    absent = check(tmp_path / "absent.toml")
    assert absent.exit_code == 1
    assert "absent.toml: can't be read (No such file or directory)" in absent.stdout


def test_without_the_engine_the_readings_are_skipped_and_it_says_so(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(module: str) -> None:
        raise OperatorMustAct("extra_missing", module)

    monkeypatch.setattr(phrases, "load_optional", absent)
    result = check(book)
    assert (result.exit_code, result.stdout) == (0, "1 phrasebook is in order.\n")
    assert "Readings were not checked" in result.stderr
    assert check(book, "--update").exit_code == 1


def test_its_help_has_examples() -> None:
    assert "catflap phrases check sheriff.toml" in check("--help").stdout


def test_a_page_plays_a_sound_of_each_kind_in_a_dialect(tmp_path: Path) -> None:
    result = listen(tmp_path / "heard", "--dialect", "standard")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'heard' / 'index.html'}\n")
    page = (tmp_path / "heard" / "index.html").read_text("utf-8")
    sources = re.findall(r'<audio [^>]*src="([^"]+)"', page)
    assert len(sources) == len(set(sources)) == 34
    assert {*sources, "index.html"} == {file.name for file in (tmp_path / "heard").iterdir()}
    assert "標準語" in page
    assert "午後3時半" in page
    for source in sources:
        with wave.open(str(tmp_path / "heard" / source)) as sound:
            assert sound.getnframes() > sound.getframerate()


def test_every_variant_of_one_kind_can_be_heard_in_several_dialects(tmp_path: Path) -> None:
    options = ("--dialect", "plain", "--dialect", "kansai", "--kind", "start", "--every-variant")
    assert listen(tmp_path, *options).exit_code == 0
    for dialect in ("plain", "kansai"):
        assert len(list(tmp_path.glob(f"{dialect}-start-*.wav"))) == 3 * 5
    assert len(list(tmp_path.glob("*.wav"))) == 2 * 3 * 5


def test_every_phrase_but_parts_of_sentences_is_among_the_samples() -> None:
    for dialect in dialects():
        said = [sample.utterance.display for sample in samples(dialect, every_variant=True)]
        for kind, variants in phrasebook(dialect.id).phrases.items():
            for phrase in variants[:5]:
                pieces = re.split(r"\{\w+\}", phrase.display)
                found = any(all(piece in display for piece in pieces) for display in said)
                assert found, (dialect.id, kind, phrase.display)


def test_an_unknown_dialect_or_kind_or_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    unknown = listen(tmp_path, "--dialect", "klingon")
    assert (unknown.exit_code, "no such dialect" in unknown.stderr) == (2, True)
    kindless = listen(tmp_path, "--dialect", "plain", "--kind", "nosuch")
    assert (kindless.exit_code, "there are before: 1 minute;" in kindless.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    unwritable = listen(tmp_path / "file", "--dialect", "plain")
    assert "Can't write to" in unwritable.stderr
