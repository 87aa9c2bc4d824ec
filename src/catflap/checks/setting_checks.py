"""Settings that fit each other, and the packages that they need."""

from collections.abc import Sequence
from importlib.util import find_spec

from catflap.checks.catalogue import found
from catflap.checks.finding import Finding
from catflap.checks.installation import Installation
from catflap.errors import OperatorMustAct
from catflap.extras import missing_extra
from catflap.settings import Settings


async def check_settings(here: Installation) -> Sequence[Finding]:
    """Check extras, proxies and push notifications."""
    settings, findings = here.settings, list[Finding]()
    findings += [found("extra_missing", reason=one.message) for one in _missing_extras(settings)]
    # `catflap serve` itself speaks no TLS, so https is always a proxy's.
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        findings.append(found("trusted_proxies_missing", origin=settings.public_url))
    if settings.calendars is not False and settings.calendar_push_address() is None:
        findings.append(found("push_off", seconds=f"{settings.calendar_poll_seconds:g}"))
    return findings


def _missing_extras(settings: Settings) -> list[OperatorMustAct]:
    """Return an error for each package that a setting needs and that is not installed.

    Those of the embedded database and of speech engines are reported where they are used.
    """
    needed = {
        "aiomqtt": bool(settings.mqtt_url.get_secret_value()),
        "opentelemetry.sdk": bool(settings.otel_exporter_otlp_endpoint),
    }
    return [
        missing_extra(ModuleNotFoundError(name=package))
        for package, is_needed in needed.items()
        if is_needed and find_spec(package) is None
    ]
