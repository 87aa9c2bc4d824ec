"""Whether commands in the documentation exist: of `catflap`, settings, extras, targets of make."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import typer
from packaging.requirements import Requirement

from catflap.cli import cli
from tests.support.doc_blocks import ROOT, words

_SETTINGS = set(re.findall(r"`((?:CATFLAP|GOOGLE)_\w+)`", (ROOT / "docs" / "settings.md").read_text()))
_TARGETS = set(re.findall(r"^([\w./%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Errors that say that a command line is wrong, and not that a file is missing here.
_WRONG = ("NoSuchOption", "MissingParameter", "UsageError", "BadOptionUsage", "BadArgumentUsage")


def epilogs() -> Iterator[str]:
    """Yield the examples that the help of each command ends with."""
    commands_left = [typer.main.get_command(cli)]
    while commands_left:
        command: Any = commands_left.pop()
        yield command.epilog or ""
        if hasattr(command, "list_commands"):
            commands_left += [command.get_command(None, name) for name in command.list_commands(None)]


def problems(line: str) -> list[str]:
    """Return what is wrong with a command line."""
    variables, called = words(line)
    ours = [name for name in variables if name.startswith(("CATFLAP_", "GOOGLE_"))]
    wrong = [f"{name} is no setting of docs/settings.md" for name in ours if name not in _SETTINGS]
    if called[:1] == ["catflap"]:
        wrong += _wrong_command(called[1:])
    if called[:2] in (["pip", "install"], ["pipx", "install"], ["pipx", "inject"]):
        wanted = [one for one in called[2:] if not one.startswith("-")]
        wrong += [f"{one} is nothing to install" for one in wanted if not _is_ours(one)]
    if called[:1] == ["make"]:
        wrong += _not_made(called[1:])
    return wrong


def problems_in_text(command: str) -> list[str]:
    """Return what is wrong with a command in a sentence, whose arguments may be left out."""
    called = command.replace("|", " ").split()
    if called[0] == "make":
        return _not_made(called[1:2])
    leaf, rest = _leaf(called[1:])
    if leaf is None:
        return [f"`{command}`: no such command"]
    options = {option for one in leaf.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
    return [
        f"`{command}`: {word} is no option" for word in rest if word.startswith("--") and word not in options
    ]


def _leaf(arguments: list[str]) -> tuple[Any, list[str]]:
    """Return the command that arguments lead to, with its own arguments; None where a name is unknown."""
    command: Any = typer.main.get_command(cli)
    while arguments and hasattr(command, "get_command") and not arguments[0].startswith("-"):
        if arguments[0] in ("…", "COMMAND"):
            break
        name, *arguments = arguments
        command = command.get_command(None, name)
    return command, arguments


def _wrong_command(arguments: list[str]) -> list[str]:
    """Parse a command line as the command does, and run nothing."""
    leaf, rest = _leaf(arguments)
    if leaf is None:
        return [f"catflap {' '.join(arguments)}: no such command"]
    try:
        leaf.make_context(leaf.name, rest)
    except Exception as error:
        if type(error).__name__ in _WRONG:
            return [f"catflap {' '.join(arguments)}: {error}"]
        if type(error).__name__ not in ("BadParameter", "Exit"):
            raise
    return []


def _is_ours(wanted: str) -> bool:
    """Whether a requirement is a distribution of this repository, with extras that it has."""
    requirement = Requirement(wanted)
    projects = [ROOT, *(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))]
    declared = {}
    for project in projects:
        table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        declared[table["name"]] = set(table.get("optional-dependencies", {}))
    return requirement.name in declared and requirement.extras <= declared[requirement.name]


def _not_made(arguments: list[str]) -> list[str]:
    targets = [one for one in arguments if "=" not in one and not one.startswith("-")]
    return [f"make {one}: no such target" for one in targets if one not in _TARGETS]
