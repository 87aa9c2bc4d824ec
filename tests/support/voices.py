"""The engines of most tests: all that are installed but Kokoro, which takes 0.7 s of CPU for a sentence."""

from catflap.speech import Engine, installed_engines


def quick_engines() -> tuple[Engine, ...]:
    """Return the installed engines without Kokoro."""
    return tuple(engine for engine in installed_engines() if engine.id != "kokoro")


def quick_voices() -> str:
    """Return their ids, as a value of CATFLAP_VOICES."""
    return ",".join(engine.id for engine in quick_engines())
