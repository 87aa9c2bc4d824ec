"""The file of `catflap backup`: where there are no links, where there is no place, where another one is."""

import errno
import os
from pathlib import Path

import pytest

from catflap.cli.backup import _file, _new_file
from catflap.errors import BadRequest, OperatorMustAct


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a USB stick."""

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("without_links")
def test_a_disk_without_links_takes_a_backup_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.catflap-backup"
    with _new_file(file) as handle:
        handle.write(b"rows")
        assert not file.exists()
    assert file.read_bytes() == b"rows"
    with pytest.raises(BadRequest, match="file_exists"), _new_file(file):
        pass
    other = tmp_path / "b.catflap-backup"
    with pytest.raises(BadRequest, match="file_exists"), _new_file(other):
        other.write_bytes(b"of another")
    assert other.read_bytes() == b"of another"
    assert sorted(tmp_path.iterdir()) == [file, other]


def test_a_name_that_can_not_be_looked_at_is_an_error_of_ours() -> None:
    with pytest.raises(OperatorMustAct, match="file_unwritable"):
        _file(Path("x" * 300), "name")
    with pytest.raises(OperatorMustAct, match="file_unwritable"), _new_file(Path("x" * 300)):
        pass
