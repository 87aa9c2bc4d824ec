"""The data directory: who may read it, and what is free on its disk."""

import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Installation

# PostgreSQL stops when it can't write; a checkpoint and a week of a household's calendars need less.
LEAST_FREE_BYTES = 512 * 1024 * 1024
_SECRETS = ("vault-keyset.json", "postgres.json")


async def check_files(here: Installation) -> Sequence[Finding]:
    """Check the rights of the data directory and of the secrets in it."""
    data_dir, findings = here.settings.data_dir, list[Finding]()
    if not data_dir.exists():
        return []
    try:
        # A file without a name, which is gone when it is closed; the rights alone say nothing to root.
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        findings.append(found("data_dir_unwritable", path=data_dir, reason=error.strerror))
    for folder in (data_dir, data_dir / "secrets"):
        mode = _mode(folder)
        # Others may pass: with root, the embedded PostgreSQL runs as a user of its own.
        if mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_IRGRP | stat.S_IROTH):
            access = "changed" if mode & (stat.S_IWGRP | stat.S_IWOTH) else "listed"
            findings.append(found("data_dir_open", path=folder, access=access))
    for file in (data_dir / "secrets" / name for name in _SECRETS):
        if _mode(file) & (stat.S_IRWXG | stat.S_IRWXO):
            findings.append(found("secret_readable_by_others", path=file))
    return findings


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


async def check_disk(here: Installation) -> Sequence[Finding]:
    """Check that the disk of the data directory has room."""
    data_dir = here.settings.data_dir
    there = next((path for path in (data_dir, *data_dir.parents) if path.exists()), None)
    if there is None:
        return []
    free = shutil.disk_usage(there).free
    if free >= LEAST_FREE_BYTES:
        return []
    return [found("disk_nearly_full", path=data_dir, free=f"{free // 1_000_000:,}")]
