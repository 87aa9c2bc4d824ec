"""Blocks of data in the documentation are read by what reads them: JSON, YAML, TOML, scripts, outputs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.doc_blocks import ROOT, Block, blocks
from tests.support.doc_openapi import members_of_models

STATIC = ROOT / "src" / "catflap" / "web" / "static"


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_has_the_members_of_a_model_of_the_api(block: Block) -> None:
    shown = json.loads(block.text)
    fitting = [name for name, members in members_of_models().items() if shown.keys() <= members]
    assert fitting, f"{block}: no model of the HTTP API has all of {sorted(shown)}"


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_read(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict | list)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_is_read(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", [one for one in blocks() if one.language == "js"], ids=str)
def test_a_script_is_read_and_imports_what_our_scripts_export(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "script.mjs"
    script.write_text(block.text)
    node = Path(sys.executable).with_name("node")
    read = subprocess.run([node, "--check", script], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    for names, file in re.findall(r'import \{ (.*?) \} from "/static/(.*?)"', block.text):
        (source,) = STATIC.rglob(file)
        for name in names.split(", "):
            assert re.search(rf"export (?:async )?(?:class|function|const) {name}\b", source.read_text())


def test_the_status_that_is_shown_has_the_words_of_the_command() -> None:
    (block,) = [one for one in blocks() if one.text.startswith("Catflap is running, with")]
    command = (ROOT / "src" / "catflap" / "cli" / "status.py").read_text()
    told, *lines = block.text.splitlines()
    assert 'f"Catflap is running, with {_count(' in command and told.endswith("to the database.")
    assert len(lines) > 4
    for label in (re.split(r"  +", line)[0] for line in lines):
        assert f'"{label} ' in command or f'_table("{label}"' in command


def test_the_picture_of_the_layers_names_the_packages() -> None:
    (block,) = [one for one in blocks() if one.text.startswith("client ──code──▶")]
    packages = {folder.name for folder in (ROOT / "src" / "catflap").iterdir() if folder.is_dir()}
    named = [words.split(" ──")[0] for words in block.text.strip().split("▶ ")]
    assert named[0] == "client" and set(named[1:]) <= packages
