"""A certificate authority of a test, and certificates that it signs."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """Files (PEM) of a certificate, its key, and the authority that signed it."""

    chain: Path
    key: Path
    authority: Path


def make_certificate(folder: Path, *, expired: bool = False, host: str = "localhost") -> Certificate:
    """Make an authority and a certificate for a host; valid since yesterday, or until then."""
    now = datetime.datetime.now(datetime.UTC)
    until = now - _DAY if expired else now + 30 * _DAY
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = _name("An authority of a test"), _name(host)
    root = _builder(root_name, root_name, root_key, now + 30 * _DAY)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    leaf = _builder(name, root_name, key, until)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    made = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    pem = serialization.Encoding.PEM
    made.authority.write_bytes(root.sign(root_key, hashes.SHA256()).public_bytes(pem))
    made.chain.write_bytes(leaf.sign(root_key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.NoEncryption()
    made.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime.datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(until - 60 * _DAY).not_valid_after(until)
