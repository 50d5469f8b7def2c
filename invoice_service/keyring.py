"""The issuer's private keys: files in the data directory, each made once, readable by its owner only.

`root/` is kept apart: the root key signs the issuer statement and nothing else, and a careful
operator moves that folder to a safe after the first run. `keys/` holds what works every day.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from invoice_service.domain.token import TokenKey
from invoice_service.errors import N_, Error
from invoice_service.ledger.keys import key_id, public_der

_CA_YEARS = 20
_LEAF_YEARS = 5
_USES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
VAULT_NONCE_BYTES = 12  # AES-GCM


class KeysMissing(Error):
    code = "keys.missing"
    message = N_("The key file {path} is missing. Run `python -m invoice_service keys` first.")
    status = 500


@dataclass(frozen=True, slots=True)
class Keyring:
    """The working keys. `issuer_id` is the fingerprint of the root key, which is not here."""

    issuer_id: bytes
    root_certificate: str
    entry_certificate: str
    paper_certificate: str
    entry: ec.EllipticCurvePrivateKey = field(repr=False)
    paper: ec.EllipticCurvePrivateKey = field(repr=False)  # signs PDFs, for readers that know certificates
    checkpoint: ed25519.Ed25519PrivateKey = field(repr=False)
    tokens: TokenKey = field(repr=False)
    vault: AESGCM = field(repr=False)  # encrypts claim keys and second factors at rest: `seal`, `unseal`
    cookie: bytes = field(repr=False)
    merchant: ec.EllipticCurvePrivateKey = field(repr=False)
    sequencer: bytes = field(repr=False)  # secp256k1: the account that appends heads
    relayer: bytes = field(repr=False)  # secp256k1: the account that sends claims, locks and credits
    admin: bytes = field(repr=False)  # secp256k1: the cold account that opens logs

    @property
    def log_id(self) -> bytes:
        """32 bytes that name this issuer's log in the contract."""
        return hashlib.sha256(b"SLLOGID1" + self.issuer_id).digest()

    def seal(self, nonce: bytes, data: bytes, owner: bytes) -> bytes:
        """As a secret is kept: of no use in another owner's row. `nonce` VAULT_NONCE_BYTES, random."""
        return nonce + self.vault.encrypt(nonce, data, owner)

    def unseal(self, sealed: bytes, owner: bytes) -> bytes:
        """Raises InvalidTag for what this vault did not seal for that owner."""
        return self.vault.decrypt(sealed[:VAULT_NONCE_BYTES], sealed[VAULT_NONCE_BYTES:], owner)


def make_missing(data_dir: Path, *, now: datetime, issuer_name: str) -> bool:
    """Make every key that is not there yet, and nothing else. Answers whether any was made."""
    before = _files(data_dir)
    for folder in ("root", "keys", "sandbox"):
        (data_dir / folder).mkdir(parents=True, exist_ok=True)
    (data_dir / "root").chmod(0o700)
    (data_dir / "keys").chmod(0o700)
    if not (data_dir / "keys" / "entry.crt").exists():
        _make_issuer(data_dir, issuer_name, now)
    if not (data_dir / "keys" / "paper.crt").exists():
        _make_paper(data_dir, issuer_name, now)
    _make(data_dir / "keys" / "checkpoint.pem", lambda: _pem(ed25519.Ed25519PrivateKey.generate()))
    for name in ("tokens", "vault", "cookie", "sequencer", "relayer", "admin"):
        _make(data_dir / "keys" / f"{name}.key", lambda: secrets.token_hex(32).encode())
    merchant = _make_p256(data_dir / "keys" / "merchant.pem")
    _make(data_dir / "sandbox" / "merchant.pub.pem", lambda: _public_pem(merchant))
    return _files(data_dir) != before


def _make_issuer(data_dir: Path, name: str, now: datetime) -> None:
    """The root, what it vouches for, and last the file that says it is done: a root that was put away
    afterwards is not made again."""
    root = _make_p256(data_dir / "root" / "root.pem")
    _make(data_dir / "root" / "root.crt", lambda: _ca_certificate(root, name, now))
    _make(data_dir / "keys" / "issuer.crt", lambda: _read(data_dir / "root" / "root.crt"))
    _make(data_dir / "keys" / "issuer.der", lambda: public_der(root))
    entry = _make_p256(data_dir / "keys" / "entry.pem")
    _make(data_dir / "keys" / "entry.crt", lambda: _certificate(entry, root, name, now))


def _make_paper(data_dir: Path, name: str, now: datetime) -> None:
    """What signs PDFs. Raises KeysMissing where the root, which vouches for it, was put away."""
    root = load_root(data_dir)
    paper = _make_p256(data_dir / "keys" / "paper.pem")
    issuer = x509.load_pem_x509_certificate(_read(data_dir / "keys" / "issuer.crt"))
    _make(data_dir / "keys" / "paper.crt", lambda: _paper_certificate(paper, root, issuer, name, now))


def load(data_dir: Path) -> Keyring:
    """Raises KeysMissing, naming the file."""
    keys = data_dir / "keys"
    return Keyring(
        issuer_id=key_id(_read(keys / "issuer.der")),
        root_certificate=_read(keys / "issuer.crt").decode(),
        entry_certificate=_read(keys / "entry.crt").decode(),
        paper_certificate=_read(keys / "paper.crt").decode(),
        entry=_load_p256(keys / "entry.pem"),
        paper=_load_p256(keys / "paper.pem"),
        checkpoint=_load_ed25519(keys / "checkpoint.pem"),
        tokens=TokenKey(_secret(keys / "tokens.key")),
        vault=AESGCM(_secret(keys / "vault.key")),
        cookie=_secret(keys / "cookie.key"),
        merchant=_load_p256(keys / "merchant.pem"),
        sequencer=_secret(keys / "sequencer.key"),
        relayer=_secret(keys / "relayer.key"),
        admin=_secret(keys / "admin.key"),
    )


def company_key(path: Path) -> bytes:
    """A company's own secp256k1 key, with which it claims; made if it is not there yet."""
    _make(path, lambda: secrets.token_hex(32).encode())
    return _secret(path)


def root_if_here(data_dir: Path) -> ec.EllipticCurvePrivateKey | None:
    """The root key, or None where it was put away."""
    return load_root(data_dir) if (data_dir / "root" / "root.pem").exists() else None


def load_root(data_dir: Path) -> ec.EllipticCurvePrivateKey:
    """The root key, for signing an issuer statement. Raises KeysMissing where it was put away."""
    return _load_p256(data_dir / "root" / "root.pem")


def _files(data_dir: Path) -> set[Path]:
    return {path for folder in ("root", "keys", "sandbox") for path in (data_dir / folder).glob("*")}


def _make(path: Path, content: Callable[[], bytes]) -> None:
    """Write a file once, whole or not at all, for its owner's eyes only."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _make_p256(path: Path) -> ec.EllipticCurvePrivateKey:
    _make(path, lambda: _pem(ec.generate_private_key(ec.SECP256R1())))
    return _load_p256(path)


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise KeysMissing(path=str(path)) from None


def _secret(path: Path) -> bytes:
    return bytes.fromhex(_read(path).decode().strip())


def _load_p256(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(_read(path), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeysMissing(path=str(path))
    return key


def _load_ed25519(path: Path) -> ed25519.Ed25519PrivateKey:
    key = serialization.load_pem_private_key(_read(path), password=None)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise KeysMissing(path=str(path))
    return key


def _ca_certificate(root: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> bytes:
    """A self-signed CA certificate over the root key: whoever trusts it trusts what hangs on it, PDFs too."""
    subject = _name(f"{name} root")
    builder = _builder(subject, subject, root, now, years=_CA_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False
    )
    return builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _certificate(
    key: ec.EllipticCurvePrivateKey, root: ec.EllipticCurvePrivateKey, name: str, now: datetime
) -> bytes:
    builder = _builder(_name(f"{name} invoices"), _name(f"{name} root"), key, now, years=_LEAF_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _paper_certificate(
    key: ec.EllipticCurvePrivateKey,
    root: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    name: str,
    now: datetime,
) -> bytes:
    """Its issuer's name is the root's own: the deployment may have been renamed since.

    It is valid as long as the root was: a PDF names the time of issue, and a certificate that is made later
    signs older invoices, too, when somebody asks for them again.
    """
    since = issuer.not_valid_before_utc
    builder = _builder(_name(f"{name} PDF"), issuer.subject, key, now, years=_LEAF_YEARS, since=since)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature", "content_commitment"), critical=True)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    builder = builder.add_extension(authority, critical=False)
    return builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in allowed for use in _USES})


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    years: int,
    since: datetime | None = None,
) -> x509.CertificateBuilder:
    """Valid from `since`, or from just before now, to so many years from now."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or now.astimezone(UTC) - timedelta(minutes=5))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=365 * years))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
