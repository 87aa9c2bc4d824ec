"""The proxy for clients with fixed addresses: unpatched clients, over TLS, and nothing else gets through."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvloop
from cryptography import x509

from google_sandbox import Sandbox
from google_sandbox import proxy as proxy_module
from google_sandbox.certificates import Authority
from google_sandbox.hosts import HOSTS
from google_sandbox.proxy import Proxy, proxying
from sandbox_support.person import CLIENT, SECRET, populate

SCRIPT = Path(__file__).parent / "clients" / "unpatched.py"
DISCOVERY = b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: accounts.google.com\r\n\r\n"


@pytest.fixture
async def google() -> AsyncIterator[Sandbox]:
    """A sandbox on the real clock, whose client is a desktop app's."""
    sandbox = Sandbox(seed=7)
    populate(sandbox)
    sandbox.add_client(CLIENT, SECRET, client_type="desktop")
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def proxy(google: Sandbox, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with proxying(google.base_url, tmp_path / "ca.pem") as proxy:
        yield proxy


async def ask(proxy: Proxy, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Send a request to the proxy and return the first line of its answer."""
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    return reader, writer, head.decode().partition("\r\n")[0]


async def status(proxy: Proxy, request: str) -> int:
    reader, writer, line = await ask(proxy, request.encode() + b"\r\n\r\n")
    with contextlib.closing(writer):
        if "200" not in line:
            assert (await reader.read()).strip(), "a sentence says why"
    return int(line.split()[1])


async def secured(proxy: Proxy, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a tunnel and speak TLS in it, trusting only the proxy's certificate."""
    reader, writer, line = await ask(proxy, f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
    assert "200" in line
    trust = ssl.create_default_context(cafile=str(proxy.ca_file))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    await writer.start_tls(trust, server_hostname=host)
    return reader, writer


@pytest.mark.slow
async def test_unpatched_clients_run_through_the_proxy(proxy: Proxy) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        CLIENT,
        SECRET,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **proxy.environment()},
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)
    assert "403" in seen.pop("elsewhere")
    assert seen == {
        "iss": "https://accounts.google.com",
        "email": "mia@example.com",
        "endpoints": [
            "https://accounts.google.com",
            "https://accounts.google.com/o/oauth2/v2/auth",
            "https://oauth2.googleapis.com/device/code",
            "https://oauth2.googleapis.com/revoke",
            "https://oauth2.googleapis.com/token",
            "https://openidconnect.googleapis.com/v1/userinfo",
            "https://www.googleapis.com/oauth2/v3/certs",
        ],
        "tokeninfo": "mia@example.com",
        "batch": "Tea",
        "calendars": ["mia@example.com"],
        "drive": True,
        "name": "Mia Neko",
        "gcsa": ["Vet"],
        "aiogoogle": ["mia@example.com", "Vet", "3000"],
    }


@pytest.mark.parametrize("host", HOSTS)
async def test_every_host_of_googles_has_a_certificate_that_holds(proxy: Proxy, host: str) -> None:
    reader, writer = await secured(proxy, host)
    writer.write(DISCOVERY.replace(b"accounts.google.com", host.encode()))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("CONNECT example.com:443 HTTP/1.1", 403),
        ("CONNECT apis.google.com:443 HTTP/1.1", 403),
        ("CONNECT accounts.google.com:80 HTTP/1.1", 403),
        ("CONNECT accounts.google.com.example.com:443 HTTP/1.1", 403),
        ("CONNECT 127.0.0.1:22 HTTP/1.1", 403),
        ("CONNECT [::1]:443 HTTP/1.1", 403),
        ("CONNECT accounts.google.com:x HTTP/1.1", 400),
        ("CONNECT [ HTTP/1.1", 400),
        ("CONNECT", 403),
        ("GET http://www.googleapis.com/ HTTP/1.1", 405),
        ("NONSENSE", 405),
        ("CONNECT ACCOUNTS.GOOGLE.COM:443 HTTP/1.1", 200),
        ("CONNECT accounts.google.com.:443 HTTP/1.0", 200),
    ],
)
async def test_the_proxy_opens_googles_hosts_and_no_others(
    proxy: Proxy, request_line: str, expected: int
) -> None:
    assert await status(proxy, request_line) == expected


async def test_a_host_is_reached_untouched_if_it_was_allowed(google: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, contextlib.ExitStack() as stack:
        other.listen()
        here = f"127.0.0.1:{other.getsockname()[1]}"
        async with proxying(google.base_url, tmp_path / "ca.pem", allow=[here]) as proxy:
            reader, writer, line = await ask(proxy, f"CONNECT {here} HTTP/1.1\r\n\r\n".encode())
            assert "200" in line
            accepted, _ = other.accept()
            stack.enter_context(accepted)
            writer.write(b"\x00raw")
            assert await asyncio.to_thread(accepted.recv, 4) == b"\x00raw"
            accepted.sendall(b"back")
            assert await reader.readexactly(4) == b"back"
            writer.close()
            assert await status(proxy, "CONNECT 127.0.0.1:1 HTTP/1.1") == 403


async def test_without_a_sandbox_behind_it_the_answer_is_502(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with proxying(f"http://127.0.0.1:{port}", tmp_path / "ca.pem") as proxy:
        assert await status(proxy, "CONNECT www.googleapis.com:443 HTTP/1.1") == 502
    with pytest.raises(ValueError, match="http://"):
        async with proxying("https://127.0.0.1:1", tmp_path / "ca.pem"):
            pass


async def test_a_connection_cut_by_a_fault_is_cut_for_the_client_too(google: Sandbox, proxy: Proxy) -> None:
    google.fault("oauth.discovery", drop="before", times=1)
    reader, writer = await secured(proxy, "accounts.google.com")
    writer.write(DISCOVERY)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


def test_the_certificate_is_good_for_googles_names_only() -> None:
    certificate = x509.load_pem_x509_certificate(Authority().pem)
    names = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert [name.value for name in names.value.permitted_subtrees or []] == ["google.com", "googleapis.com"]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(LOOPS))
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


def test_the_proxy_ends_at_once_and_answers_what_has_arrived(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_module, "GRACE_SECONDS", 10_000.0)

    async def leave() -> list[bytes]:
        async with asyncio.timeout(60), Sandbox().serve() as base:
            async with proxying(base, tmp_path / "ca.pem") as proxy:
                idle, busy = [await secured(proxy, "accounts.google.com") for _ in range(2)]
                busy[1].write(DISCOVERY)
                await busy[1].drain()
                half = (await ask(proxy, b"CONNECT www.googleapis.com:443 HTTP/1.1\r\n\r\n"))[:2]
            received = []
            for reader, writer in (busy, idle, half):
                with contextlib.suppress(ConnectionError):
                    received.append(await reader.read())
                writer.close()
            return received

    answer = runner.run(leave())[0]
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"}")


def test_much_data_passes_both_ways(runner: asyncio.Runner, tmp_path: Path) -> None:
    content = os.urandom(5_000_000)

    async def upload() -> bytes:
        sandbox = Sandbox()
        populate(sandbox)
        scope = "https://www.googleapis.com/auth/drive"
        token = sandbox.grant("mia@example.com", CLIENT, [scope])["access_token"]
        head = f"Host: www.googleapis.com\r\nAuthorization: Bearer {token}\r\n".encode()
        async with sandbox.serve() as base, proxying(base, tmp_path / "ca.pem") as proxy:
            reader, writer = await secured(proxy, "www.googleapis.com")
            path = b"/upload/drive/v3/files?uploadType=media&fields=id"
            writer.write(b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (path, head, len(content)))
            writer.write(content)
            await writer.drain()
            made = json.loads(await body_of(reader))["id"]
            writer.write(b"GET /drive/v3/files/%s?alt=media HTTP/1.1\r\n%s\r\n" % (made.encode(), head))
            got = await body_of(reader)
            writer.close()
            return got

    assert runner.run(upload()) == content


async def body_of(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 200"), head
    length = next(line for line in head.split("\r\n") if line.startswith("content-length"))
    return await reader.readexactly(int(length.partition(":")[2]))
