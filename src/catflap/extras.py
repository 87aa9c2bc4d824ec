"""Which optional extra a missing package belongs to, so that its absence is one clear sentence."""

from catflap.errors import OperatorMustAct

_EXTRA_OF_PACKAGE = {
    "icalendar": "sandbox",
    "google.auth": "google",
    "espeakng_loader": "english",
    "pyopenjtalk": "japanese",
}


def missing_extra(error: ModuleNotFoundError) -> OperatorMustAct:
    """Translate a failed import of an optional package into an error that names its extra.

    Raises:
        ModuleNotFoundError: `error` itself, when the module belongs to no extra.
    """
    name = error.name or ""
    for package, extra in _EXTRA_OF_PACKAGE.items():
        if name == package or name.startswith(f"{package}.") or package.startswith(f"{name}."):
            return OperatorMustAct(
                "extra_missing",
                f"This needs the extra '{extra}': pip install 'catflap[{extra}]'",
                detail=name,
            )
    raise error
