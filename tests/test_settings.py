"""Settings: read once, checked at once, documented all."""

import json
from pathlib import Path

import pytest

from catflap.errors import OperatorMustAct
from catflap.setting_urls import is_loopback
from catflap.settings import Settings

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
        if name.startswith(("google_client_id", "google_client_secret", "google_redirect", "otel_"))
        else f"CATFLAP_{name.upper()}"
        for name in Settings.model_fields
    ]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("public_url", "push_url", "address"),
    [
        ("", "", None),
        ("http://127.0.0.1:8400", "", None),
        ("https://localhost", "", None),
        ("https://cat.example.com/", "", "https://cat.example.com/app/google/calendar/push"),
        ("https://cat.example.com", "off", None),
        ("https://cat.example.com", "https://hooks.example.com/cal", "https://hooks.example.com/cal"),
        ("", "http://127.0.0.1:8400/google/calendar/push", "http://127.0.0.1:8400/google/calendar/push"),
    ],
)
def test_google_pushes_to_the_public_address_if_it_is_https(
    public_url: str, push_url: str, address: str | None
) -> None:
    settings = Settings.read(public_url=public_url, calendar_push_url=push_url)
    assert settings.calendar_push_address("/app") == address


@pytest.mark.parametrize(
    "url",
    [
        "http://cat.example.com/x",
        "on",
        "https://cat.example.com",
        "https://cat.example.com/x?a=b",
        "https://a/x#b",
    ],
)
def test_a_push_address_that_google_would_refuse_is_refused(url: str) -> None:
    with pytest.raises(OperatorMustAct, match="CATFLAP_CALENDAR_PUSH_URL"):
        Settings.read(calendar_push_url=url)


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


def test_the_files_of_both_kinds_of_clients_lie_side_by_side(tmp_path: Path) -> None:
    desktop = {"client_id": "2-b", "client_secret": "GOCSPX-d", "redirect_uris": ["http://localhost"]}
    (tmp_path / "client_secret_2-b.json").write_text(json.dumps({"installed": desktop}))
    alone = Settings.read().google_clients()
    assert (alone.web, alone.primary.client_id) == (None, "2-b")
    with pytest.raises(OperatorMustAct, match="Desktop app"):
        Settings.read().google_client()
    web = {"client_id": "1-a", "client_secret": "s", "redirect_uris": []}
    # Sorted before and after the other one.
    for name in ("client_secret_1-a.json", "client_secret_3-a.json"):
        (tmp_path / name).write_text(json.dumps({"web": web}))
        both = Settings.read().google_clients()
        assert [one.client_id for one in both.all] == ["1-a", "2-b"]
        assert both.primary.redirect_uri == "http://127.0.0.1:8400/signin/google/callback"
        assert "GOCSPX" not in repr(both)
        (tmp_path / name).unlink()


def test_a_desktop_client_comes_from_variables_or_a_chosen_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = tmp_path / "desktop.json"
    chosen.write_text(json.dumps({"installed": {"client_id": "2-b", "client_secret": "d"}}))
    monkeypatch.setenv("CATFLAP_GOOGLE_DESKTOP_CLIENT_FILE", str(chosen))
    assert Settings.read().google_clients().primary.client_id == "2-b"
    monkeypatch.setenv("CATFLAP_GOOGLE_DESKTOP_CLIENT_ID", "3-c")
    monkeypatch.setenv("CATFLAP_GOOGLE_DESKTOP_CLIENT_SECRET", "d")
    assert Settings.read().google_clients().primary.client_id == "3-c"
    monkeypatch.delenv("CATFLAP_GOOGLE_DESKTOP_CLIENT_SECRET")
    chosen.write_text(json.dumps({"web": {"client_id": "2-b", "client_secret": "d"}}))
    with pytest.raises(OperatorMustAct, match=r"desktop\.json is not .* 'Desktop app'"):
        Settings.read().google_clients()


def test_the_one_file_that_a_unit_hands_over_may_be_of_either_kind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = tmp_path / "google-client.json"
    monkeypatch.setenv("CATFLAP_GOOGLE_CLIENT_FILE", str(chosen))
    for kind in ("web", "installed"):
        chosen.write_text(json.dumps({kind: {"client_id": kind, "client_secret": "s"}}))
        clients = Settings.read().google_clients()
        assert [one.client_id for one in clients.all] == [kind]
        assert (clients.desktop is None) == (kind == "web")


@pytest.mark.parametrize(
    "url",
    ["http://192.168.1.5:8400", "http://catflap.local:8400", "http://cat.home.arpa", "http://[fd00::5]:8400"],
)
def test_plain_http_is_for_local_addresses(url: str) -> None:
    settings = Settings.read(public_url=url)
    assert (settings.origin, settings.is_plain_network) == (url, True)
    assert settings.calendar_push_address() is None
    for elsewhere in (
        "http://8.8.8.8:8400",
        "http://mia.example.com",
        "http://catflap.local.example.com",
    ):
        with pytest.raises(OperatorMustAct, match="CATFLAP_PUBLIC_URL: must be https"):
            Settings.read(public_url=elsewhere)
    for secure in ("https://mia.example.com", "http://127.0.0.1:8400"):
        assert not Settings.read(public_url=secure).is_plain_network


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


@pytest.mark.parametrize("name", ["CATFLAP_PUBLIC_URL", "CATFLAP_ALLOWED_ORIGINS"])
@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://example.com/catflap", "path"),
        ("https://example.com/catflap/", "path"),
        ("https://example.com/;a", "path"),
        ("https://example.com?a=1", "query"),
        ("https://example.com/?", "query"),
        ("https://example.com#a", "fragment"),
        ("https://mia:secret@example.com", "user name"),
        ("https://", "host"),
        ("https:///", "host"),
        ("https://:8400", "host"),
        ("https://example..com", "host"),
        ("https://*.example.com", "host"),
        ("https://exa mple.com", "host"),
        ("https://example.com\\@evil.example", ""),
        ("https://example.com:99999", "[Pp]ort"),
        ("https://[::1", "IPv6"),
        ("example.com", ""),
        ("*", ""),
        ("null", ""),
    ],
)
def test_an_address_that_is_no_origin_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, wrong: str
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(OperatorMustAct, match=f"{name}: .*{wrong}") as refused:
        Settings.read()
    assert "secret" not in refused.value.message and "Value error" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.com/", "https://example.com"),
        ("HTTPS://Example.COM:443", "https://example.com"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8400", "http://[::1]:8400"),
        ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
    ],
)
def test_addresses_are_compared_as_browsers_write_them(url: str, origin: str) -> None:
    assert Settings.read(public_url=url).origin == origin
    assert Settings.read(allowed_origins=f"{url}, capacitor://localhost").allowed_origins == (
        origin,
        "capacitor://localhost",
    )


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("::1", "http://[::1]:8400"),
        ("0.0.0.0", "http://127.0.0.1:8400"),
        ("::", "http://[::1]:8400"),
        ("localhost", "http://localhost:8400"),
    ],
)
def test_the_address_to_listen_on_gives_an_address_to_browse_to(host: str, origin: str) -> None:
    assert Settings.read(host=host).origin == origin


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATFLAP_RETURN_URLS", "https://shop.example.com/a, https://"),
        ("CATFLAP_RETURN_URLS", "https://mia:secret@shop.example.com/a"),
        ("CATFLAP_JWT_JWKS_URL", "https:///keys"),
        ("CATFLAP_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CATFLAP_TRUSTED_PROXIES", "proxy.example.com"),
        ("CATFLAP_SIGNINS_PER_MINUTE", "0"),
        ("GOOGLE_REDIRECT_URI", "http://example.com/signin/google/callback"),
        ("GOOGLE_REDIRECT_URI", "https://example.com/signin/google/callback#a"),
    ],
)
def test_half_an_address_is_refused_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorMustAct, match=f"^[a-z_]+: {name}: "):
        Settings.read()


@pytest.mark.parametrize(
    "url",
    [
        "https://speech.example.com/v1",
        "http://127.0.0.1:50021",
        "http://192.168.1.5:50021/",
        "http://[fd00::1]:50021",
        "http://voicevox:50021",
    ],
)
def test_a_speech_server_may_be_in_a_private_network(url: str) -> None:
    assert Settings.read(voicevox_url=url).voicevox_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://speech.example.com",
        "http://8.8.8.8",
        "ftp://127.0.0.1",
        "speech",
        "https://user:word@speech.example.com",
        "https://speech.example.com/?key=1",
        "https://speech.example.com/#x",
        "https://",
    ],
)
def test_other_addresses_of_speech_servers_are_refused(url: str) -> None:
    for name in ("voicevox_url", "openai_speech_url"):
        with pytest.raises(OperatorMustAct, match=f"CATFLAP_{name.upper()}"):
            Settings.read(**{name: url})


def test_a_key_is_never_sent_unencrypted_to_another_machine() -> None:
    for url in ("http://192.168.1.5/v1", "HTTP://speech/v1"):
        with pytest.raises(OperatorMustAct, match="https") as refused:
            Settings.read(openai_speech_url=url, openai_speech_key="sk-secret")
        assert "sk-secret" not in refused.value.message
        assert refused.value.message.startswith("CATFLAP_OPENAI_SPEECH_KEY")
    assert Settings.read(openai_speech_url="http://localhost:8880/v1", openai_speech_key="sk-secret")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("openai_speech_key", "sk-secret\r\nX: y"),
        ("openai_speech_key", "sk-sécret"),
        ("openai_speech_languages", "english"),
        ("openai_speech_languages", ""),
        ("openai_speech_pitch", 9),
        ("voicevox_speaker", -1),
        ("speech_timeout", 0),
    ],
)
def test_other_values_for_speech_servers_are_refused(name: str, value: object) -> None:
    with pytest.raises(OperatorMustAct, match=f"CATFLAP_{name.upper()}") as refused:
        Settings.read(**{name: value})
    assert "cret" not in refused.value.message
