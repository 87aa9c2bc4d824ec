"""Somebody's https server on this machine, which receives webhooks."""

import asyncio
import contextlib
import datetime
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catflap.vault.webhooks import Webhooks

NAME = "hooks.example.com"


@dataclass
class Receiver:
    """Somebody's https server on this machine; answers with `status` and keeps what came.

    `failing`: the end of a path that is answered with 503 whatever the status is.
    """

    port: int
    authority: Path
    status: int = 200
    dripping: bytes | None = None
    failing: str | None = None
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address to register; the name must be resolved to this machine."""
        return f"https://{NAME}:{self.port}/catflap"

    def paths(self) -> list[str]:
        """Return the path of each request that came."""
        return [headers[":path"] for headers, _ in self.got]

    def messages(self) -> list[dict[str, Any]]:
        """Return what came, without the headers."""
        return [json.loads(body) for _, body in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        path = headers[":path"] = first.split()[1]
        status = 503 if self.failing is not None and path.endswith(self.failing) else self.status
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body.decode()))
        if self.dripping is not None:
            await self._drip(writer, self.dripping)
            return
        location = "Location: http://127.0.0.1/inside\r\n" if status == 302 else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    async def _drip(self, writer: asyncio.StreamWriter, begun: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(begun or b"HTTP/1.1 200 X\r\nX-Slow: ")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()


@asynccontextmanager
async def receiving(folder: Path) -> AsyncIterator[Receiver]:
    """Serve a receiver, with a certificate of its own in `folder`."""
    file = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    made = Receiver(0, file)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


async def due(webhooks: Webhooks) -> list[str]:
    """Return the ids of all deliveries that are due, of whichever webhook."""
    return [one for of_webhook in await webhooks.due() for one in of_webhook]


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return file
