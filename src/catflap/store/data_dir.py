"""The data directory and its folder of secrets."""

import os
import tempfile
from pathlib import Path

from catflap.errors import OperatorMustAct


def prepare_data_dir(data_dir: Path) -> None:
    """Create the data directory and its folder of secrets, readable by their owner only.

    Raises:
        OperatorMustAct: `data_dir_unwritable`.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (data_dir / "secrets").mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise OperatorMustAct(
            "data_dir_unwritable",
            f"Can't write to the data directory {data_dir} ({error.strerror}). "
            "Choose another with CATFLAP_DATA_DIR or --data-dir.",
        ) from None


def write_secret(file: Path, content: str) -> None:
    """Write `file` with mode 0600, atomically: readers see the old content or the new."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.rename(file)
