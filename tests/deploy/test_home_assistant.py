"""The Home Assistant add-on: its folder is as the Supervisor demands, and its options become settings.

The rules are those of supervisor/addons/validate.py and options.py in home-assistant/supervisor, as of 2025.
"""

import importlib.util
import re
import struct
import tomllib
from types import ModuleType
from typing import Any

import pytest
import yaml

from catflap.cli.runner import seconds_to_end
from catflap.settings import Settings
from tests.support.wheel import ROOT

FOLDER = ROOT / "deploy" / "home-assistant"
_REQUIRED = {"name", "version", "slug", "description", "arch"}
_KNOWN = _REQUIRED | {
    *("startup", "boot", "init", "ports", "ports_description", "webui", "watchdog", "backup", "timeout"),
    *("homeassistant_api", "services", "options", "schema"),
}
_TYPE = re.compile(
    r"(bool|email|url|port|str|password|match\(.+\)|list\(.+\)|(int|float)(\([\d.]*,[\d.]*\))?)\??"
)
_BROKER = {"host": "core-mosquitto", "port": 1883, "ssl": False, "username": "addons", "password": "p@ss:/"}


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """The module run.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("add_on_run", FOLDER / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def no_broker(path: str, token: str) -> dict[str, Any]:
    return {}


def test_the_configuration_has_what_is_required_and_nothing_unknown() -> None:
    config = read("config.yaml")
    assert config.keys() >= _REQUIRED
    assert config.keys() <= _KNOWN
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", config["slug"])
    assert set(config["arch"]) <= {"aarch64", "amd64", "armhf", "armv7", "i386"}
    assert config["startup"] in {"initialize", "system", "services", "application", "once"}
    assert config["boot"] in {"auto", "manual", "manual_only"}
    assert config["backup"] in {"hot", "cold"}
    assert seconds_to_end(Settings(), graces=2) < config["timeout"] <= 300
    assert all(re.fullmatch(r"\d+/(tcp|udp)", port) for port in config["ports"])
    for name in ("webui", "watchdog"):
        assert re.match(r"^https?://\[HOST\]:\[PORT:8400\]", config[name])
    assert all(re.fullmatch(r"(mqtt|mysql):(provide|want|need)", one) for one in config["services"])


def test_the_version_is_that_of_the_package_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    image = f"local/catflap:{version}"
    assert read("config.yaml")["version"] == version
    assert set(read("build.yaml")["build_from"].values()) == {image}
    assert read("build.yaml")["build_from"].keys() == set(read("config.yaml")["arch"])
    assert f"ARG BUILD_FROM={image}\n" in (FOLDER / "Dockerfile").read_text()
    assert f"-t {image} ." in (FOLDER / "DOCS.md").read_text()


def test_each_option_has_a_type_and_each_default_an_option() -> None:
    config = read("config.yaml")
    types = [kind for one in config["schema"].values() for kind in (one if isinstance(one, list) else [one])]
    assert [kind for kind in types if not _TYPE.fullmatch(kind)] == []
    assert config["options"].keys() <= config["schema"].keys()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_option_and_each_port_is_named_in_each_language(language: str) -> None:
    config, texts = read("config.yaml"), read(f"translations/{language}.yaml")
    assert texts["configuration"].keys() == config["schema"].keys()
    assert all(text.keys() == {"name", "description"} for text in texts["configuration"].values())
    assert texts["network"].keys() == config["ports"].keys()
    assert set((FOLDER / "translations").glob("*.yaml")) == {
        FOLDER / "translations" / f"{name}.yaml" for name in ("en", "ja")
    }


def test_the_icon_is_a_square_png() -> None:
    head = (FOLDER / "icon.png").read_bytes()[:24]
    width, height = struct.unpack(">II", head[16:])
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    assert width == height >= 128


def test_each_option_is_a_setting_and_described(run: ModuleType) -> None:
    page = (FOLDER / "DOCS.md").read_text()
    for option in read("config.yaml")["schema"]:
        assert f"`{option}`" in page
        if option != "speakers":
            assert option in Settings.model_fields


def test_options_become_valid_settings(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        **read("config.yaml")["options"],
        "google_client_id": "id",
        "google_client_secret": "secret",
        "public_url": "https://cat.example.com",
        "allowed_emails": ["a@example.com", "b@example.com"],
        "home_assistant_discovery": "device,components",
        "calendar_poll_seconds": 60,
    }
    for name, value in run.settings(options, "token", lambda *_: _BROKER).items():
        monkeypatch.setenv(name, value)
    read_back = Settings.read()
    assert read_back.google_client_id == "id"
    assert read_back.allowed_emails == ("a@example.com", "b@example.com")
    assert read_back.calendar_poll_seconds == 60
    assert read_back.home_assistant_url == "http://supervisor/core"
    assert read_back.home_assistant_token.get_secret_value() == "token"
    broker = read_back.mqtt_broker
    assert broker is not None
    assert (broker.host, broker.port, broker.tls) == ("core-mosquitto", 1883, False)
    assert (broker.user, broker.password) == ("addons", "p@ss:/")


def test_at_home_a_desktop_client_is_enough(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = read("config.yaml")["schema"]
    assert all(kind.endswith("?") for name, kind in schema.items() if name.startswith("google_"))
    options = {
        "google_desktop_client_id": "id",
        "google_desktop_client_secret": "secret",
        "public_url": "http://homeassistant.local:8400",
    }
    for name, value in run.settings(options, "token", no_broker).items():
        monkeypatch.setenv(name, value)
    clients = Settings.read().google_clients()
    assert (clients.web, clients.primary.client_id) == (None, "id")


@pytest.mark.parametrize(
    "more", [{"speakers": False, "allowed_emails": ["a@example.com"]}, {"speakers": True}]
)
def test_speakers_are_offered_only_to_those_who_are_named(run: ModuleType, more: dict[str, Any]) -> None:
    found = run.settings({"google_client_id": "id", **more}, "token", no_broker)
    assert "token" not in found.values()
    assert "CATFLAP_HOME_ASSISTANT_URL" not in found


def test_without_the_broker_of_an_add_on_there_is_no_broker(run: ModuleType) -> None:
    assert "CATFLAP_MQTT_URL" not in run.settings({}, "token", no_broker)


def test_what_is_left_empty_is_not_set(run: ModuleType) -> None:
    assert run.settings({"voices": "", "operators": [], "speakers": False}, "", no_broker) == {}
