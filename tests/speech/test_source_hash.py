"""Texts are made anew after a change of the code or the words that make them."""

from pathlib import Path

import pytest

from catflap.speech import speech_version, synthesis
from catflap.speech.source_hash import source_hash


def test_the_hash_changes_with_each_module_and_word_list(tmp_path: Path) -> None:
    (tmp_path / "clock_words.py").write_text("HALF = 30\n")
    (tmp_path / "loanwords.toml").write_text('sync = "シンク"\n')
    found = [source_hash(tmp_path)]
    (tmp_path / "clock_words.py").write_text("HALF = 31\n")
    found.append(source_hash(tmp_path))
    (tmp_path / "loanwords.toml").write_text('sync = "シンクロ"\n')
    found.append(source_hash(tmp_path))
    (tmp_path / "clock_words.py").rename(tmp_path / "clock.py")
    found.append(source_hash(tmp_path))
    (tmp_path / "titles.py").touch()
    found.append(source_hash(tmp_path))
    assert len(set(found)) == 5
    assert source_hash(tmp_path) == found[-1]


def test_engines_and_compiled_modules_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "titles.py").write_text("MAX = 3\n")
    before = source_hash(tmp_path)
    for name in ("engines/flite.py", "__pycache__/titles.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"\x00")
    assert source_hash(tmp_path) == before


def test_the_version_of_all_texts_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_hash() == source_hash()
    current = speech_version()
    monkeypatch.setattr(synthesis, "source_hash", lambda: "another")
    assert speech_version.__wrapped__() != current
