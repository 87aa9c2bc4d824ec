"""Caddy and nginx before a running Catflap, with the files of deploy/, but for ports and certificates."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.mosquitto import free_port
from tests.support.tls import make_certificate
from tests.support.wheel import ROOT

_DEPLOY = ROOT / "deploy"


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        url: its public address.
        authority: who signed its certificate.
        log: what it wrote.
    """

    url: str
    authority: Path | None
    log: Path


def need_program(name: str, package: str) -> str:
    """Return the path of a program; skip with a word without it, or fail where it must not be missing."""
    # Debian keeps servers where only root's PATH leads.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found:
        return found
    word = f"{name} is missing, so its file in deploy/ is not tested (on Debian: apt install {package})"
    if name in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", ""):
        pytest.fail(word)
    pytest.skip(word)


@asynccontextmanager
async def running_caddy(folder: Path, upstream_port: int) -> AsyncIterator[Proxy]:
    """Caddy with deploy/Caddyfile, without https: that would need a public name."""
    program, port = need_program("caddy", "caddy"), free_port()
    configuration = folder / "Caddyfile"
    head, begin, rest = (_DEPLOY / "Caddyfile").read_text().partition("{\n\tlog {\n")
    assert begin
    configuration.write_text(f"{head}{{\n\tadmin off\n\tlog {{\n{rest}")
    url = f"http://localhost:{port}"
    environment = {"SITE_NAME": url, "UPSTREAM_PORT": str(upstream_port), "HOME": str(folder)}
    arguments = ("run", "--adapter", "caddyfile", "--config", str(configuration))
    async with _running([program, *arguments], environment, folder / "log", port):
        yield Proxy(url, None, folder / "log")


@asynccontextmanager
async def running_nginx(folder: Path, upstream_port: int) -> AsyncIterator[Proxy]:
    """nginx with deploy/nginx.conf."""
    program, port = need_program("nginx", "nginx-light"), free_port()
    certificate = make_certificate(folder)
    changes = {
        "server 127.0.0.1:8400;": f"server 127.0.0.1:{upstream_port};",
        "/var/log/nginx/": f"{folder}/",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/letsencrypt/live/catflap.example.com/fullchain.pem": str(certificate.chain),
        "/etc/letsencrypt/live/catflap.example.com/privkey.pem": str(certificate.key),
    }
    site = (_DEPLOY / "nginx.conf").read_text()
    for old, new in changes.items():
        assert site.count(old) == 1
        site = site.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        f"daemon off; {user} pid {folder / 'pid'}; events {{}}\n"
        f"http {{ access_log {folder / 'access.log'}; {temporary}\n{site} }}\n"
    )
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
    async with _running(command, {}, folder / "log", port):
        yield Proxy(f"https://localhost:{port}", certificate.authority, folder / "log")


PROXIES: dict[str, Callable[..., object]] = {"caddy": running_caddy, "nginx": running_nginx}


@asynccontextmanager
async def _running(
    command: list[str], environment: dict[str, str], log: Path, port: int
) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        while not _listens(port):
            assert process.returncode is None, f"{command[0]} has ended; its log is {log}"
            await asyncio.sleep(0.02)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
