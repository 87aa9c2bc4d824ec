"""The compose files: their form is that of the specification, and what matters for safety is set."""

import json
import re
import shlex
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from catflap.cli.runner import seconds_to_end
from catflap.settings import Settings
from tests.support.doc_blocks import ROOT, blocks, commands, words
from tests.support.doc_commands import problems

_FILES = ("compose.yaml", "compose.postgres.yaml")
_REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")


def read(name: str) -> dict[str, Any]:
    # Docker resolves YAML's merge keys too; the validator does not.
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / name).read_text())
    return loaded


@pytest.mark.parametrize("name", _FILES)
def test_the_file_is_of_the_form_that_the_specification_demands(name: str) -> None:
    services = PyCompose.from_json(json.dumps(read(name))).service_names()
    assert set(services) == set(read(name)["services"])


@pytest.mark.parametrize(
    "wrong", [{"imag": "x"}, {"image": "x", "depends_on": {"db": {"condition": "healthy"}}}]
)
def test_the_validator_refuses_what_docker_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"imag|service_healthy"):
        PyCompose.from_json(json.dumps({"services": {"a": wrong}}))


@pytest.mark.parametrize("name", _FILES)
def test_our_containers_have_no_rights_and_write_only_to_their_volume(name: str) -> None:
    file = read(name)
    ours = [one for one in file["services"].values() if "build" in one]
    assert ours
    for service in ours:
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["data:/data"]
        context = ROOT / "deploy" / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).is_file()
    assert set(file["volumes"]) == {
        volume.partition(":")[0]
        for service in file["services"].values()
        for volume in service["volumes"]
        if not volume.startswith(".")
    }


def test_at_home_only_this_machine_reaches_the_port_which_has_no_https() -> None:
    [port] = read("compose.yaml")["services"]["catflap"]["ports"]
    assert port.startswith("127.0.0.1:")


def test_at_home_docker_waits_until_postgresql_has_stopped() -> None:
    waits = read("compose.yaml")["services"]["catflap"]["stop_grace_period"]
    assert float(waits.removesuffix("s")) > seconds_to_end(Settings(), graces=2)


def test_for_many_only_the_proxy_is_reached_from_outside() -> None:
    services = read("compose.postgres.yaml")["services"]
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]


def test_the_network_of_the_proxy_is_the_one_that_is_trusted() -> None:
    file = read("compose.postgres.yaml")
    [subnet] = file["networks"]["default"]["ipam"]["config"]
    assert file["services"]["serve"]["environment"]["CATFLAP_TRUSTED_PROXIES"] == subnet["subnet"]


def test_only_the_migration_knows_the_password_of_the_owner() -> None:
    services = read("compose.postgres.yaml")["services"]
    knowing = [name for name, one in services.items() if "OWNER_PASSWORD" in str(one["environment"])]
    assert sorted(knowing) == ["db", "migrate"]


@pytest.mark.parametrize("name", _FILES)
def test_no_secret_has_a_default(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text()
    secret = {found for found in re.findall(r"\$\{(\w+)", text) if found.endswith(("PASSWORD", "SECRET"))}
    assert secret
    assert secret <= set(_REQUIRED.findall(text))


def test_serving_starts_when_the_database_is_migrated_and_jobs_when_there_is_a_keyset() -> None:
    services = read("compose.postgres.yaml")["services"]
    assert services["serve"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["work"]["depends_on"] == {"serve": {"condition": "service_healthy"}}


_OPTION = re.compile(r"-T|--rm|--volume=\S+")
_IN_A_CONTAINER = [
    line
    for block in blocks("sh")
    for line in commands(block.text)
    if re.match(r"docker compose -f deploy/compose.yaml (exec|run) ", line)
]


@pytest.mark.parametrize("line", _IN_A_CONTAINER)
def test_commands_of_the_pages_name_a_service_and_a_command(line: str) -> None:
    rest = [word for word in words(line.partition(" > ")[0])[1][4:] if not _OPTION.fullmatch(word)]
    how, *rest = rest
    if rest[0] == "--entrypoint":
        assert (how, rest[1] in ("tee", "rm"), rest[2]) == ("run", True, "catflap")
        return
    service, *called = rest
    assert service in read("compose.yaml")["services"]
    if how == "run":
        called = ["catflap", *called]
    assert called[0] in ("catflap", "cat", "rm")
    assert problems(shlex.join(called)) == []
