"""What a device keeps survives restarts and a full disk, and what is no schedule is not taken for one."""

import math
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catflap.errors import OperatorMustAct
from catflap.player.documents import checked_document
from catflap.player.storage import Storage

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ONE = {
    "id": "a",
    "play_at": "2026-11-24T09:50:00Z",
    "expires_at": "2026-11-24T10:00:00Z",
    "kind": "before",
    "text": "Ahoy!",
    "audio": {"url": "/v1/sounds/a", "type": "audio/wav", "sha256": "0" * 64, "bytes": 10, "seconds": 1.0},
}
DOCUMENT = {
    "version": 1,
    "now": "2026-11-24T09:41:07Z",
    "volume": 60,
    "muted_until": None,
    "announcements": [ONE],
}


def test_acknowledgements_survive_a_restart_in_their_order(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.begin("a")
    for name in ("a", "b"):
        storage.add_ack(name, "played", NOW)
    again = Storage(tmp_path)
    assert again.is_done("a")
    first = again.next_ack()
    assert first == {"announcement": "a", "state": "played", "at": "2026-11-24T09:00:00Z"}
    again.remove_ack(first)
    assert (Storage(tmp_path).next_ack() or {})["announcement"] == "b"


def test_torn_files_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    Storage(tmp_path).keep_schedule(DOCUMENT)
    assert Storage(tmp_path).schedule() == DOCUMENT
    for name in ("schedule.json", "acks.json", "done.json", "device.json"):
        (tmp_path / name).write_text('{"version": 1, "ann')
    torn = Storage(tmp_path)
    assert torn.schedule() is None
    assert torn.next_ack() is None
    assert torn.token("https://mia.example") is None


def test_a_disk_that_is_full_does_not_end_the_speaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    storage.keep_schedule(DOCUMENT)
    storage.begin("a")
    storage.add_ack("a", "played", NOW)
    assert storage.is_done("a")
    assert storage.next_ack()
    with pytest.raises(OperatorMustAct, match="make room"):
        storage.keep_token("https://mia.example", "a token")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorMustAct, match="--folder"):
        Storage(tmp_path / "file")


def test_names_of_sounds_stay_in_their_folder(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    assert storage.sound("../../device.json") is None
    assert not storage.keep_sound("../outside", b"sound")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "schedule",
        {},
        {**DOCUMENT, "now": None},
        {**DOCUMENT, "now": "yesterday"},
        {**DOCUMENT, "now": "2026-11-24T09:41:07"},
        {**DOCUMENT, "now": "0001-01-01T00:00:00Z"},
        {**DOCUMENT, "muted_until": "2026-11-24T09:41:07"},
        {**DOCUMENT, "volume": math.inf},
        {**DOCUMENT, "volume": 10**400},
        {**DOCUMENT, "announcements": {}},
        {**DOCUMENT, "announcements": [{**ONE, "play_at": "9999-12-31T23:59:59Z"}]},
        {**DOCUMENT, "announcements": [{**ONE, "id": "\ud800"}]},
        {**DOCUMENT, "volume": "loud"},
        {**DOCUMENT, "muted_until": "tomorrow"},
        {**DOCUMENT, "announcements": None},
        {**DOCUMENT, "announcements": [None]},
        *({**DOCUMENT, "announcements": [{**ONE, name: None}]} for name in ("id", "play_at", "kind")),
        {**DOCUMENT, "announcements": [{**ONE, "play_at": "2026-11-24T09:50:00"}]},
        {**DOCUMENT, "announcements": [{**ONE, "audio": {}}]},
        {**DOCUMENT, "announcements": [{**ONE, "audio": {**ONE["audio"], "bytes": -1}}]},  # type: ignore[dict-item]
    ],
)
def test_what_is_no_schedule_is_not_taken_for_one(value: Any) -> None:
    assert checked_document(value) is None
    assert checked_document(DOCUMENT) == DOCUMENT


def test_a_folder_that_was_removed_holds_no_sounds(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "device")
    shutil.rmtree(tmp_path / "device")
    storage.keep_sounds([])
    assert storage.room_for_sounds() > 0
