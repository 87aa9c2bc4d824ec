"""Settings of the sign-in."""

from pathlib import Path

import pytest

from catflap.errors import OperatorMustAct
from catflap.settings import Settings


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CATFLAP_ALLOWED_DOMAINS", "cats.example, dogs.example,")
    monkeypatch.setenv("CATFLAP_RETURN_URLS", "https://shop.example/a,http://localhost:3000/b")
    settings = Settings.read(data_dir=tmp_path)
    assert settings.allowed_domains == ("cats.example", "dogs.example")
    assert settings.return_urls == ("https://shop.example/a", "http://localhost:3000/b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATFLAP_RETURN_URLS", "http://shop.example/a"),
        ("CATFLAP_RETURN_URLS", "https://shop.example/a#b"),
        ("CATFLAP_RETURN_URLS", "javascript:alert(1)"),
        ("CATFLAP_POPUP_REDIRECT_URI", "https://shop.example"),
        ("CATFLAP_JWT_ISSUER", "https://login.example"),
        ("CATFLAP_JWT_JWKS_URL", "http://login.example/keys"),
    ],
)
def test_what_would_be_unsafe_or_half_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorMustAct, match="CATFLAP_"):
        Settings.read(data_dir=tmp_path)
