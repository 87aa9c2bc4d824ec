"""Commands that install extras of Catflap, and remove it, where pipx, uv tool or pip has installed it.

pipx and uv note what they were asked for, and keep no more than that: their commands name the extras that are
there too.
"""

import json
import re
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OURS = re.compile(r"catflap\[([^\]]*)\]")


@dataclass(frozen=True)
class _Installer:
    """What has installed Catflap: a command, how it installs and installs again, and the extras it noted."""

    command: str
    install: str
    reinstall: str
    extras: list[str]


def install_command(*extras: str, again: bool = False) -> str:
    """Return the command that adds extras to the Catflap of this process.

    Args:
        extras: Their names.
        again: Whether packages that are there already are to be replaced by the same.
    """
    installer = _installer()
    wanted = ",".join(dict.fromkeys((*installer.extras, *extras)))
    return f"{installer.reinstall if again else installer.install} 'catflap[{wanted}]'"


def uninstall_command() -> str:
    """Return the command that removes the Catflap of this process."""
    return f"{_installer().command} uninstall catflap"


def _installer() -> _Installer:
    environment = Path(sys.prefix)
    if (receipt := environment / "pipx_metadata.json").is_file():
        force = "pipx install --force"
        return _Installer("pipx", force, force, _noted(receipt, _pipx_extras))
    if (receipt := environment / "uv-receipt.toml").is_file():
        force = "uv tool install --force"
        return _Installer("uv tool", force, f"{force} --reinstall", _noted(receipt, _uv_extras))
    return _Installer("pip", "pip install", "pip install --force-reinstall", [])


def _noted(receipt: Path, read: Callable[[str], list[str]]) -> list[str]:
    """Return the extras of a receipt; none of one in an unknown form, for the error at hand is another."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        return read(receipt.read_text())
    return []


def _pipx_extras(text: str) -> list[str]:
    found: dict[str, Any] = json.loads(text)
    packages = [found["main_package"], *found["injected_packages"].values()]
    ours = [_OURS.match(one["package_or_url"]) for one in packages]
    return [extra.strip() for one in ours if one for extra in one[1].split(",")]


def _uv_extras(text: str) -> list[str]:
    required: list[dict[str, Any]] = tomllib.loads(text)["tool"]["requirements"]
    return [extra for one in required if one["name"] == "catflap" for extra in one.get("extras", ())]
