"""The OAuth client: its file, its redirect URI, and what Google says about it."""

import contextlib
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from catflap.checks.catalogue import found, found_by
from catflap.checks.finding import Finding, Registration
from catflap.checks.installation import Installation
from catflap.errors import OperatorMustAct
from catflap.google.discovery import Discovery
from catflap.google.oauth import ClientRejected, OAuth
from catflap.setting_urls import is_local, is_loopback, origin_of
from catflap.settings import CALLBACK_PATH, Settings


def registration(settings: Settings) -> Registration:
    """Return what to register at the Google Cloud console."""
    redirect_uri = settings.google_redirect_uri or f"{settings.origin}{CALLBACK_PATH}"
    return Registration(redirect_uri, settings.origin)


def to_register(settings: Settings) -> Registration | None:
    """Return the same, or None where people sign in by `catflap signin`, which needs no registration."""
    with contextlib.suppress(OperatorMustAct):
        clients = settings.google_clients()
        if clients.desktop is not None and (clients.web is None or settings.is_plain_network):
            return None
    return registration(settings)


async def check_redirect_uri(here: Installation) -> Sequence[Finding]:
    """Check that Google accepts the redirect URI, and that the client's file has it."""
    settings, wanted = here.settings, to_register(here.settings)
    if wanted is None:
        return []
    uri = wanted.redirect_uri
    with contextlib.suppress(OperatorMustAct):
        uri = settings.google_clients().primary.redirect_uri
    findings = _refused(uri)
    if origin_of_uri(uri) != settings.origin and not (is_loopback(uri) and is_loopback(settings.origin)):
        findings.append(found("redirect_uri_elsewhere", uri=uri, origin=settings.origin))
    file = settings.google_client_in_use()
    return findings if file is None else [*findings, *_unregistered(file, uri, wanted)]


def _refused(uri: str) -> list[Finding]:
    """Apply Google's rules for redirect URIs (web-server guide, "Redirect URI validation")."""
    if is_loopback(uri):
        return []
    host = urlsplit(uri).hostname or ""
    if not uri.startswith("https://"):
        return [found("redirect_uri_not_https", uri=uri)]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return [found("redirect_uri_private_name", uri=uri)] if is_local(uri) else []
    return [found("redirect_uri_raw_address", uri=uri)]


def origin_of_uri(uri: str) -> str:
    """Return the origin of an address."""
    parts = urlsplit(uri)
    return origin_of(f"{parts.scheme}://{parts.netloc}")


def _unregistered(file: Path, uri: str, wanted: Registration) -> list[Finding]:
    try:
        web = json.loads(file.read_text())["web"]
        _ = web["client_id"], web["client_secret"]
        uris, origins = list(web.get("redirect_uris", [])), list(web.get("javascript_origins", []))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # `check_client` reports it.
        return []
    findings = []
    if uri not in uris:
        findings.append(found("redirect_uri_unregistered", file=file.name, uri=uri))
    if wanted.javascript_origin not in origins:
        findings.append(found("origin_unregistered", file=file.name, origin=wanted.javascript_origin))
    return findings


async def check_client(here: Installation) -> Sequence[Finding]:
    """Check that there is an OAuth client, and that Google accepts it."""
    settings = here.settings
    try:
        clients = settings.google_clients()
    except OperatorMustAct as error:
        return _no_client(settings, error)
    discovery = Discovery(here.http, settings.google_discovery_url)
    findings: list[Finding] = []
    for client in clients.all:
        try:
            await OAuth(here.http, discovery, client).check_client()
        except ClientRejected as error:
            findings.append(_rejected(error, beside_another=client is not clients.primary))
        except OperatorMustAct as error:
            return [found_by(error, url=settings.google_discovery_url)]
    return findings


def _rejected(error: ClientRejected, *, beside_another: bool) -> Finding:
    if beside_another:
        return found("google_desktop_client_rejected", error=error.reason)
    if error.reason == "deleted_client":
        return found("google_client_deleted")
    return found("google_client_rejected", error=error.reason)


def _no_client(settings: Settings, error: OperatorMustAct) -> list[Finding]:
    if error.code == "redirect_uri_unregistered":
        # `check_redirect_uri` reports it.
        return []
    if (
        error.code == "google_client_missing"
        and settings.google_client_id
        and not settings.google_client_secret.get_secret_value()
    ):
        return [found("google_client_secret_missing")]
    return [found_by(error)]
