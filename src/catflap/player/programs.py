"""Play a sound on this machine, by a program that is installed for it."""

import asyncio
import contextlib
import shutil
from pathlib import Path

# PipeWire, PulseAudio, ALSA and macOS, with the options that keep them quiet about it.
_PLAYERS = (("pw-play",), ("paplay",), ("aplay", "-q"), ("afplay",))
# Beyond the duration of the sound; a sound server that does not answer is not waited for.
_PATIENCE = 10.0


def installed() -> str | None:
    """Return the name of the first program that is installed."""
    return next((name for name, *_ in _PLAYERS if shutil.which(name)), None)


async def play(wav: Path, seconds: float) -> bool:
    """Play a WAV file of this duration; return whether a player did."""
    for name, *options in _PLAYERS:
        program = shutil.which(name)
        if program is not None and await _played(program, *options, str(wav), within=seconds + _PATIENCE):
            return True
    return False


async def _played(*command: str, within: float) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(within):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
