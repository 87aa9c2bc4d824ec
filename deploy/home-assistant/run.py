"""Start Catflap as a Home Assistant add-on: options become settings, and the rights of root are given up.

The options are those of config.yaml: `public_url` is `CATFLAP_PUBLIC_URL`, and so on. The addresses of Home
Assistant and of its add-on Mosquitto need not be set, as the Supervisor tells them.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_SUPERVISOR = "http://supervisor"
_OPTIONS, _DATA = Path("/data/options.json"), Path("/data/catflap")
_UID = 10001
# Options that are no settings of the same name.
_SPEAKERS = "speakers"
_TIMEOUT_SECONDS = 10

Ask = Callable[[str, str], Mapping[str, Any]]


def settings(options: Mapping[str, Any], token: str, ask: Ask) -> dict[str, str]:
    """Return Catflap's settings as environment variables.

    Args:
        options: What the user entered; the Supervisor has checked it.
        token: The add-on's own token of the Supervisor's API.
        ask: Returns the `data` of an answer of that API, or nothing.
    """
    found = {_variable(name): _text(value) for name, value in options.items() if name != _SPEAKERS}
    # Each user who may sign in can speak on the speakers, so nobody can unless it was said who may sign in.
    if options.get(_SPEAKERS) and options.get("allowed_emails"):
        found |= {"CATFLAP_HOME_ASSISTANT_URL": f"{_SUPERVISOR}/core", "CATFLAP_HOME_ASSISTANT_TOKEN": token}
    broker = ask("/services/mqtt", token)
    if broker:
        found["CATFLAP_MQTT_URL"] = _broker_url(broker)
    return {name: value for name, value in found.items() if value}


def _variable(option: str) -> str:
    prefix = "" if option.startswith("google_client_") else "CATFLAP_"
    return f"{prefix}{option.upper()}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _broker_url(broker: Mapping[str, Any]) -> str:
    user, password = (urllib.parse.quote(str(broker[name]), safe="") for name in ("username", "password"))
    scheme = "mqtts" if broker.get("ssl") else "mqtt"
    return f"{scheme}://{user}:{password}@{broker['host']}:{broker['port']}"


def ask_supervisor(path: str, token: str) -> Mapping[str, Any]:
    """Return the `data` of the Supervisor's answer; nothing where there is no such service."""
    request = urllib.request.Request(_SUPERVISOR + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            data = json.load(answer)["data"]
            return data if isinstance(data, dict) else {}
    except (OSError, ValueError, KeyError):
        return {}


def main() -> None:
    """Become the user of the image, and then the command."""
    token = os.environ.pop("SUPERVISOR_TOKEN", "")
    found = settings(json.loads(_OPTIONS.read_text()), token, ask_supervisor)
    _DATA.mkdir(mode=0o700, exist_ok=True)
    os.chown(_DATA, _UID, _UID)
    os.setgroups([])
    os.setgid(_UID)
    os.setuid(_UID)
    os.chdir(_DATA)
    environment = {**os.environ, **found, "CATFLAP_DATA_DIR": str(_DATA), "HOME": str(_DATA)}
    os.execve("/opt/catflap/bin/catflap", ["catflap", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
