"""Where this machine is, for a demo that shows times as its owner reads them."""

from zoneinfo import ZoneInfo

import pytest

from catflap.cli.demo.local_zone import local_zone


@pytest.mark.parametrize("name", ["Asia/Tokyo", ":Europe/Berlin"])
def test_the_environment_names_the_zone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert local_zone() == name.removeprefix(":")


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "JST-9"])
def test_what_is_no_name_is_passed_over(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert ZoneInfo(local_zone())
