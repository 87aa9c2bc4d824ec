"""A CONNECT proxy for clients with fixed addresses: what they send to Google arrives at the sandbox.

The proxy ends TLS with a certificate of its own authority and passes the bytes on; the Host header that stays
in them tells the sandbox which of Google's hosts was meant. It opens no other host unless that was allowed by
name, so nothing meant for the real Google or anybody else leaves the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from google_sandbox.certificates import Authority
from google_sandbox.hosts import HOSTS

REQUEST_SECONDS = 30.0
GRACE_SECONDS = 1.0
CHUNK = 65536
TURNS_TO_READ = 8
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy listens, and the file with the certificate to trust."""

    url: str
    ca_file: Path

    def environment(self) -> dict[str, str]:
        """Return the environment variables that send common clients through the proxy and make them trust it.

        curl, Go, Python (requests, httpx, aiohttp with `trust_env`, httplib2 with PySocks, aiogoogle) and
        Node.js each read some.
        """
        file = str(self.ca_file.resolve())
        proxies = ("HTTPS_PROXY", "https_proxy", "AIOGOOGLE_HTTP_PROXY")
        trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS")
        return {
            **dict.fromkeys(proxies, self.url),
            "NO_PROXY": "localhost,127.0.0.1,::1",
            "no_proxy": "localhost,127.0.0.1,::1",
            **dict.fromkeys(trusted, file),
            "NODE_EXTRA_CA_CERTS": file,
            "NODE_USE_ENV_PROXY": "1",
        }


class Refused(Exception):
    """A request that the proxy rejects: status line and sentence."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(status)
        text = sentence.encode() + b"\n"
        self.answer = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        ).encode() + text


@contextlib.asynccontextmanager
async def proxying(
    sandbox_url: str,
    ca_file: str | Path,
    host: str = "127.0.0.1",
    port: int = 0,
    allow: Iterable[str] = (),
) -> AsyncIterator[Proxy]:
    """Run the proxy until the block ends.

    Args:
        sandbox_url: the address of a running sandbox.
        ca_file: where to write the certificate that clients must trust (PEM); a new one each time.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        allow: other hosts that may be reached, untouched, as `host` or `host:port`.

    Raises:
        ValueError: if the sandbox's address is not plain HTTP.
        OSError: if the port is taken or the file cannot be written.
    """
    parts = urlsplit(sandbox_url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("the sandbox's address must begin with http://")
    authority, file = Authority(), Path(ca_file)
    relay = _Relay(
        (parts.hostname, parts.port or 80),
        authority.server_context(HOSTS),
        frozenset(name.lower() for name in allow),
    )
    server = await asyncio.start_server(relay.accept, host, port)
    try:
        await asyncio.to_thread(file.write_bytes, authority.pem)
        shown = f"[{host}]" if ":" in host else host
        yield Proxy(f"http://{shown}:{server.sockets[0].getsockname()[1]}", file)
    finally:
        server.close()
        await relay.close()


class _Relay:
    """The open tunnels; `_owed` are those with a request whose response has not begun."""

    def __init__(self, sandbox: tuple[str, int], tls: ssl.SSLContext, allow: frozenset[str]) -> None:
        self._sandbox = sandbox
        self._tls = tls
        self._allow = allow
        self._tasks: set[asyncio.Task[None]] = set()
        self._owed: set[asyncio.StreamWriter] = set()
        self._settled = asyncio.Event()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client, in a task of its own."""
        task = asyncio.create_task(self._guarded(reader, writer), name="sandbox-proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            writer.close()

    async def close(self) -> None:
        """Close idle tunnels at once, the others after the answer or a moment."""
        await _turn()
        self._settled.clear()
        if self._owed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), GRACE_SECONDS)
            await _turn()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_SECONDS)
        try:
            address, is_google = self._destination(head)
            upstream = await _connect(address)
        except Refused as refused:
            writer.write(refused.answer)
            await writer.drain()
            return
        try:
            writer.write(ESTABLISHED)
            await writer.drain()
            if is_google:
                await writer.start_tls(self._tls, ssl_handshake_timeout=REQUEST_SECONDS)
            await self._relay((reader, writer), upstream)
        finally:
            upstream[1].close()

    def _destination(self, head: bytes) -> tuple[tuple[str, int], bool]:
        method, _, rest = head.decode("latin-1").partition("\r\n")[0].partition(" ")
        target = rest.partition(" ")[0]
        if method != "CONNECT":
            raise Refused("405 Method Not Allowed\r\nAllow: CONNECT", "This proxy only does CONNECT (HTTPS).")
        try:
            parts = urlsplit(f"//{target}")
            host, port = (parts.hostname or "").removesuffix("."), parts.port or 443
        except ValueError:
            raise Refused("400 Bad Request", "CONNECT needs host:port.") from None
        if host in HOSTS and port == 443:
            return self._sandbox, True
        if host in self._allow or f"{host}:{port}" in self._allow:
            return (host, port), False
        raise Refused(
            "403 Forbidden",
            f"The sandbox does not stand in for {host[:200]}:{port}. Allow it by name to reach the real one.",
        )

    async def _relay(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        upward = asyncio.create_task(self._upward(client[0], upstream[1]))
        try:
            while chunk := await upstream[0].read(CHUNK):
                client[1].write(chunk)
                await client[1].drain()
                self._settle(upstream[1])
        finally:
            self._settle(upstream[1])
            upward.cancel()
            await asyncio.wait([upward])

    async def _upward(self, client: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
        try:
            while chunk := await client.read(CHUNK):
                self._owed.add(upstream)
                upstream.write(chunk)
                await upstream.drain()
            upstream.write_eof()
        except OSError:
            upstream.transport.abort()  # which ends the other direction too

    def _settle(self, tunnel: asyncio.StreamWriter) -> None:
        self._owed.discard(tunnel)
        if not self._owed:
            self._settled.set()


async def _turn() -> None:
    """Let the loop pass on what has already arrived."""
    for _ in range(TURNS_TO_READ):
        await asyncio.sleep(0)


async def _connect(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(*address)
    except OSError:
        raise Refused("502 Bad Gateway", f"Cannot connect to {address[0]}:{address[1]}.") from None
