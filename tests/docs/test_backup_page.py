"""The page about backups: what is scheduled there are commands that exist, in files that systemd reads."""

import configparser
import re
import shlex
from pathlib import PurePosixPath

from catflap.cli import COMMANDS
from tests.support.doc_blocks import blocks

# Of systemd.service(5), systemd.timer(5) and systemd.unit(5).
_DIRECTIVES = {
    "Service": {"Type", "EnvironmentFile", "ExecStart"},
    "Timer": {"OnCalendar", "Persistent"},
    "Install": {"WantedBy"},
}


def test_scheduled_backups_are_commands_that_exist() -> None:
    cron, service, timer = (one.text for one in blocks() if one.page == "docs/backup.md" and one.claim)
    minute, hour, *every_day, program, command, folder = cron.split()[:8]
    assert (int(minute) < 60, int(hour) < 24, every_day) == (True, True, ["*"] * 3)
    assert (program, command in COMMANDS) == ("catflap", True)
    assert PurePosixPath(folder).is_absolute() and "*.catflap-backup" in shlex.split(cron)

    for text in (service, timer):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(text)
        for section in unit.sections():
            assert set(unit[section]) <= _DIRECTIVES[section]
    assert re.search(r"^ExecStart=catflap backup /\S+$", service, re.MULTILINE)
