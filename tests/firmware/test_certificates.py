"""A server whose certificate is wrong is not trusted: the firmware says so, and speaks what it holds."""

import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.firmware.conftest import Start
from tests.support.app_client import RunningApp
from tests.support.device_announcements import DeviceOwner
from tests.support.severable import Severable, severable


def _day(year: int) -> datetime.datetime:
    return datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)


_LONG_AGO, _IN_A_CENTURY = _day(2020), _day(2120)


class Authority:
    """A certificate authority that a test makes."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of a test")])
        made = self._builder(self._name, self._key, _IN_A_CENTURY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.der = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_LONG_AGO)
            .not_valid_after(until)
        )

    def context(
        self, folder: Path, host: str = "localhost", until: datetime.datetime = _IN_A_CENTURY
    ) -> ssl.SSLContext:
        """Return the context of a server with a certificate for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName(
            [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
        )
        made = self._builder(name, key, until).add_extension(names, critical=False)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        chain = folder / "chain.pem"
        certificate = made.sign(self._key, hashes.SHA256())
        chain.write_bytes(certificate.public_bytes(form[0]) + key.private_bytes(*form))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


def use(flash: Path, proxy: Severable, authority: Authority) -> None:
    """Have the device ask a server with TLS, and trust this authority."""
    config = json.loads((flash / "config.json").read_text())
    (flash / "config.json").write_text(json.dumps({**config, "server": f"https://localhost:{proxy.port}"}))
    (flash / "certificates").mkdir(exist_ok=True)
    (flash / "certificates" / "0.der").write_bytes(authority.der)


@pytest.fixture
async def held(owner: DeviceOwner, start: Start) -> AsyncIterator[None]:
    """The device holds an announcement that it got while all was well."""
    await owner.plan("lunch", owner.in_(minutes=10))
    async with start() as mia:
        await mia.until("sound_held")
    yield


@pytest.mark.parametrize("wrong", ["expired", "of another host", "of an unknown authority"])
async def test_a_wrong_certificate_is_told_of_and_what_is_held_is_spoken(
    app: RunningApp, start: Start, flash: Path, held: None, tmp_path: Path, wrong: str
) -> None:
    authority = Authority()
    context = {
        "expired": lambda: authority.context(tmp_path, until=_day(2021)),
        "of another host": lambda: authority.context(tmp_path, "example.org"),
        "of an unknown authority": lambda: Authority().context(tmp_path),
    }[wrong]()
    async with severable(app.netloc, context) as proxy:
        use(flash, proxy, authority)
        async with start() as mia:
            await mia.until("trouble", name="certificate")
            await mia.advance(timedelta(minutes=11))
            await mia.until("done", announcement="lunch", state="played")
            assert [one["name"] for one in mia.find("prompt")] == ["sounds/certificate.wav"]
            assert not mia.find("online")


async def test_a_right_certificate_is_trusted(
    app: RunningApp, owner: DeviceOwner, start: Start, flash: Path, tmp_path: Path
) -> None:
    await owner.plan("lunch", owner.in_(minutes=1))
    authority = Authority()
    async with severable(app.netloc, authority.context(tmp_path)) as proxy:
        use(flash, proxy, authority)
        async with start() as mia:
            await mia.until("sound_held")
            await mia.advance(timedelta(minutes=2))
            await mia.until("ack_sent", announcement="lunch", status=204)
            assert not mia.find("trouble")
