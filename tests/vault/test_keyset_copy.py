"""Copies of the keyset, and the one that comes with a backup."""

import json
import stat
from pathlib import Path

import pytest

from catflap.errors import BadRequest, OperatorMustAct
from catflap.vault.keyset import EnvironmentKeyset, KeysetFile, new_keyset, write_keyset
from catflap.vault.keyset_copy import RestoredKeyset, save_copy


def keyset_file(file: Path) -> KeysetFile:
    made = KeysetFile(file)
    made.make()
    return made


def ids(text: str) -> list[int]:
    return [key["keyId"] for key in json.loads(text)["key"]]


def test_a_copy_is_for_its_owner_alone_and_never_overwrites_another(tmp_path: Path) -> None:
    present, copy = keyset_file(tmp_path / "present"), tmp_path / "copy"
    for _ in range(2):
        save_copy(present, copy)
    assert copy.read_text() == present.read() and stat.S_IMODE(copy.stat().st_mode) == 0o600
    with pytest.raises(BadRequest, match="file_exists"):
        save_copy(keyset_file(tmp_path / "after rotation"), copy)
    assert copy.read_text() == present.read()


def test_a_copy_is_not_written_through_a_link_or_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(BadRequest, match="file_exists"):
        save_copy(keyset_file(tmp_path / "present"), tmp_path / "link")
    with pytest.raises(OperatorMustAct, match="keyset_missing"):
        save_copy(KeysetFile(tmp_path / "missing"), tmp_path / "copy")
    with pytest.raises(OperatorMustAct, match="file_unwritable"):
        save_copy(keyset_file(tmp_path / "present"), tmp_path / "nowhere" / "copy")
    with pytest.raises(OperatorMustAct, match="file_unwritable"):
        save_copy(keyset_file(tmp_path / "present"), tmp_path / "present" / "copy")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link", "present"]


def test_a_restored_keyset_keeps_the_keys_of_the_former(tmp_path: Path) -> None:
    present, given = keyset_file(tmp_path / "present"), keyset_file(tmp_path / "given")
    former = present.read()
    with RestoredKeyset(present, given.file).in_place():
        pass
    assert ids(present.read()) == [*ids(given.read()), *ids(former)]
    assert json.loads(present.read())["primaryKeyId"] == json.loads(given.read())["primaryKeyId"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_failed_restore_leaves_the_former_keyset_or_none(tmp_path: Path, is_there: bool) -> None:
    present, given = KeysetFile(tmp_path / "present"), keyset_file(tmp_path / "given")
    if is_there:
        present.make()
    former = present.read() if is_there else None
    with pytest.raises(ZeroDivisionError), RestoredKeyset(present, given.file).in_place():
        raise ZeroDivisionError
    assert (present.read() if present.exists() else None) == former


def test_what_is_no_keyset_never_becomes_that_of_the_installation(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("{}")
    with pytest.raises(OperatorMustAct, match="keyset_unreadable"):
        RestoredKeyset(KeysetFile(tmp_path / "present"), tmp_path / "given")


def test_the_keyset_that_is_needed_is_named(tmp_path: Path) -> None:
    given = keyset_file(tmp_path / "given")
    missing = RestoredKeyset(KeysetFile(tmp_path / "present"), None)
    missing.check_ids(set())
    with pytest.raises(OperatorMustAct, match=r"keyset_missing.*key 17,"):
        missing.check_ids({17})
    with pytest.raises(OperatorMustAct, match=r"keyset_lacks_key.*key 17,"):
        RestoredKeyset(KeysetFile(tmp_path / "present"), given.file).check_ids({17, *ids(given.read())})
    environment = EnvironmentKeyset(write_keyset(new_keyset()))
    RestoredKeyset(environment, None).check_ids(set(ids(environment.read())))
    with pytest.raises(BadRequest, match="keyset_in_environment"):
        RestoredKeyset(environment, given.file)
