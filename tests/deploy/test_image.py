"""The image of deploy/Dockerfile, really built: it runs as its own user, with its embedded PostgreSQL."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.image import Image, built_image, need_buildah
from tests.support.wheel import ROOT

# The group makes the scheduler start with this module, which takes longest.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image")]
_UID = 10001
# Starts the server, asks as the image's health check does, and ends it as `docker stop` does.
_SERVE = """
mkfifo /tmp/started
catflap serve --no-check >/tmp/started & server=$!
read -r origin </tmp/started
"$@" && echo healthy at "$origin"
kill $server
wait $server && echo ended
"$@" || echo not healthy
[ -e /data/postgres/PG_VERSION ] && [ ! -e /data/postgres/postmaster.pid ] && echo no database is left running
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    need_buildah()
    with built_image() as built:
        yield built


@pytest.mark.parametrize("folder", ["deploy", "deploy/home-assistant"])
def test_the_dockerfile_follows_the_rules_of_hadolint(folder: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [hadolint, "--format", "json", ROOT / folder / "Dockerfile"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert json.loads(checked.stdout) == []
    assert checked.returncode == 0


def test_the_image_says_what_it_is(image: Image) -> None:
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.version"] == "0.0.test"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    for name in ("LICENSE", "NOTICE"):
        file = image.mounted / "usr/share/licenses/catflap" / name
        assert file.read_text() == (ROOT / name).read_text()


def test_the_image_runs_the_command_as_a_user_without_rights(image: Image) -> None:
    assert image.config["User"] == f"{_UID}:{_UID}"
    assert image.run("id").stdout.startswith(f"uid={_UID}(catflap) gid={_UID}(catflap)")
    assert image.run("catflap", "--version").stdout == f"catflap {version('catflap')}\n"
    data = (image.mounted / "data").stat()
    assert (data.st_uid, stat.S_IMODE(data.st_mode)) == (_UID, 0o700)
    assert list(image.config["Volumes"]) == ["/data"]


def test_nothing_that_builds_is_in_the_image(image: Image) -> None:
    packages = next((image.mounted / "opt/catflap/lib").glob("python3*")) / "site-packages"
    names = {file.name.partition("-")[0] for file in packages.iterdir()}
    assert "catflap" in names
    assert not names & {"pip", "setuptools", "hatchling", "editables", "uv", "wheel"}
    assert not [file for file in _programs(image.mounted) if file.name in {"gcc", "cc", "make", "pip"}]
    # The user may write none, so it is made beforehand, and does not depend on the time of any file.
    assert (packages / "catflap/__pycache__").is_dir()


def _programs(root: Path) -> list[Path]:
    return [file for folder in ("usr/bin", "opt/catflap/bin") for file in (root / folder).iterdir()]


def test_the_demo_goes_its_whole_way_in_the_image(image: Image) -> None:
    shown = image.run("catflap", "demo", "--once", "--json")
    assert shown.returncode == 0, shown.stderr
    steps = [json.loads(line)["step"] for line in shown.stdout.splitlines()]
    assert "spoken" in steps


def test_the_server_is_healthy_in_the_image_and_ends_when_told(image: Image) -> None:
    healthcheck = image.config["Healthcheck"]["Test"]
    assert healthcheck[0] == "CMD"
    environment = ("GOOGLE_CLIENT_ID=id", "GOOGLE_CLIENT_SECRET=secret", "CATFLAP_PORT=18400")
    shown = image.run("env", *environment, "sh", "-c", _SERVE, "sh", *healthcheck[1:])
    assert shown.stdout.splitlines() == [
        "healthy at http://127.0.0.1:18400",
        "ended",
        "not healthy",
        "no database is left running",
    ], shown.stderr


def test_the_add_on_gives_up_the_rights_of_root(image: Image) -> None:
    add_on = image.add_on()
    # The Supervisor makes the folder, with the options in it.
    options = json.dumps({"google_client_id": "id", "allowed_emails": ["cat@example.com"], "speakers": False})
    script = (
        f"""echo '{options}' > /data/options.json; "$@"; stat -c %u:%a /data/catflap /data/catflap/postgres"""
    )
    ran = add_on.run("sh", "-c", script, "sh", *add_on.config["Entrypoint"], "keys", "list")
    # PostgreSQL runs as nobody else than root's user or ours, and refuses to run as root.
    assert ran.stdout.splitlines()[-2:] == [f"{_UID}:700"] * 2, ran.stderr
