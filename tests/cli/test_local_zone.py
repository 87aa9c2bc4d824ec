"""The time zone of this machine, which the demo uses."""

from zoneinfo import ZoneInfo

import pytest

from catflap.cli.demo.local_zone import local_zone


@pytest.mark.parametrize("name", ["Asia/Tokyo", ":Europe/Berlin"])
def test_the_environment_names_the_zone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert local_zone() == name.removeprefix(":")


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "JST-9"])
def test_invalid_names_are_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert ZoneInfo(local_zone())
