"""Settings: read once, checked at once, documented all."""

import json
from pathlib import Path

import pytest

from catflap.errors import OperatorMustAct
from catflap.settings import Settings, is_loopback

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CATFLAP_{name.upper()}", raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text()
    names = [
        name.upper()
        if name.startswith(("google_client_id", "google_client_secret", "google_redirect"))
        else f"CATFLAP_{name.upper()}"
        for name in Settings.model_fields
    ]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_google_client_comes_from_googles_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLIENT_ID", "1-a.apps.googleusercontent.com")
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", "GOCSPX-very-secret")
    client = Settings.read().google_client()
    assert client.redirect_uri == "http://127.0.0.1:8400/signin/google/callback"
    assert "very-secret" not in repr(client) + str(client)


def test_google_client_comes_from_the_downloaded_file(tmp_path: Path) -> None:
    uri = "https://mia.example.com/signin/google/callback"
    web = {"client_id": "1-a", "client_secret": "s", "redirect_uris": [uri]}
    (tmp_path / "client_secret_1-a.json").write_text(json.dumps({"web": web}))
    assert Settings.read().google_client().redirect_uri == uri


@pytest.mark.parametrize(
    "content", ["", "[]", '{"installed": {}}', '{"web": {"client_id": "x"}}', '{"web": 3}']
)
def test_another_file_than_the_web_clients_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "client_secret_x.json").write_text(content)
    with pytest.raises(OperatorMustAct, match=r"client_secret_x\.json"):
        Settings.read().google_client()


def test_a_missing_client_says_what_to_do() -> None:
    with pytest.raises(OperatorMustAct, match="GOOGLE_CLIENT_ID"):
        Settings.read().google_client()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATFLAP_GOOGLE_DISCOVERY_URL", "http://accounts.example.com/.well-known/openid-configuration"),
        ("CATFLAP_GOOGLE_API_URL", "http://192.168.1.4/"),
        ("CATFLAP_PUBLIC_URL", "ftp://127.0.0.1"),
        ("CATFLAP_PORT", "70000"),
        ("CATFLAP_LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorMustAct, match=name):
        Settings.read()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://localhost", "http://[::1]:8401/"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert is_loopback(url)
    assert Settings.read(google_api_url=url).google_api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1.example.com", "http://localhost.example.com", "http://10.0.0.1"]
)
def test_names_that_only_look_like_this_machine_are_not(url: str) -> None:
    assert not is_loopback(url)
