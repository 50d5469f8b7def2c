"""A certificate authority of this installation alone, so that a phone nearby gets a secure context.

Browsers give camera, passkeys and WebCrypto to HTTPS only, and no public authority certifies a
private address. The authority may certify nothing but loopback and private networks (a critical name
constraint), so that installing it on a phone lets nobody, ourselves included, pose as a real site.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scripts.lib.addresses import PRIVATE

AUTHORITY_DAYS = 3650  # installed on phones by hand, so not often
LEAF_DAYS = 825  # Apple's limit for certificates of such authorities
RENEW_BEFORE = timedelta(days=30)
CLOCKS_DIFFER = timedelta(hours=1)
PERMITTED = [x509.DNSName("localhost")] + [
    x509.IPAddress(network) for network in (ipaddress.IPv4Network("127.0.0.0/8"), *PRIVATE)
]


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Path
    leaf: Path
    leaf_key: Path


def certificates(folder: Path, addresses: list[str], now: datetime) -> Certificates:
    """The files in `folder`, made where missing; the leaf again when addresses or time say so."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    authority_key = folder / "ca.key"
    if not files.authority.exists():
        _make_authority(files.authority, authority_key, now)
    wanted: list[x509.GeneralName] = [x509.DNSName("localhost")]
    wanted += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    if not _still_good(files.leaf, wanted, now):
        _make_leaf(files, authority_key, wanted, now)
    return files


def _still_good(leaf: Path, wanted: list[x509.GeneralName], now: datetime) -> bool:
    if not leaf.exists():
        return False
    certificate = x509.load_pem_x509_certificate(leaf.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return list(names) == wanted and now + RENEW_BEFORE < certificate.not_valid_after_utc


def _make_authority(certificate: Path, key_file: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Stall Ledger local CA {now:%Y-%m-%d}")])
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(PERMITTED, excluded_subtrees=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write(key_file, _pem(key), 0o600)
    _write(certificate, _signed(builder, key), 0o644)


def _make_leaf(
    files: Certificates, authority_key: Path, names: list[x509.GeneralName], now: datetime
) -> None:
    issuer_key = serialization.load_pem_private_key(authority_key.read_bytes(), password=None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - we wrote that file
    issuer = x509.load_pem_x509_certificate(files.authority.read_bytes()).subject
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stall Ledger")])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        _builder(subject, issuer, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(issuer_id, critical=False)
    )
    _write(files.leaf_key, _pem(key), 0o600)
    _write(files.leaf, _signed(builder, issuer_key), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
